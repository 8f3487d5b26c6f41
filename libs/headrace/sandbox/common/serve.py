"""Serving a sandbox: plain HTTP for the data, and TLS beside it for clients that refuse plain HTTP at sign-in."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from headrace.sandbox.common.tls import local_certificate


async def serve(application: Starlette, host: str, port: int, tls_port: int | None, data_dir: Path) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        application: the sandbox.
        host: address to listen on.
        port: port of plain HTTP.
        tls_port: port of TLS for localhost, None for none; its authority is `tls/ca.pem` in `data_dir`.
        data_dir: the sandbox's folder.
    """
    servers = [uvicorn.Server(_config(application, host, port, lifespan="on"))]
    if tls_port is not None:
        files = local_certificate(data_dir / "tls")
        tls = _config(
            application,
            host,
            tls_port,
            lifespan="off",
            ssl_certfile=str(files.certificate_file),
            ssl_keyfile=str(files.key_file),
        )
        servers.append(uvicorn.Server(tls))
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await asyncio.gather(*(_serve(server) for server in servers))


async def _serve(server: uvicorn.Server) -> None:
    """Serve without uvicorn's signal handlers, which would end only the last of several servers."""
    await server._serve()


def _config(application: Starlette, host: str, port: int, **options: object) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        date_header=False,  # the sandbox's own clock tells it
        timeout_graceful_shutdown=2,
        timeout_keep_alive=75,  # longer than clients keep idle connections: no call meets one that is just closed
        http="httptools",
        **options,  # type: ignore[arg-type]
    )
