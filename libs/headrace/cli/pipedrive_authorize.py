"""`headrace pipedrive authorize`: a user of the account lets the app in; the tokens go into the credential store."""

from __future__ import annotations

import asyncio
import secrets
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

import typer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from headrace.cli.console import out
from headrace.cli.session import operator, with_deployment
from headrace.connectors.pipedrive import CONNECTOR
from headrace.connectors.pipedrive.config import LOCAL_HOSTS, PipedriveConfig
from headrace.connectors.pipedrive.oauth import TokenEndpoint
from headrace.core.errors import ConfigurationError, StopConnection
from headrace.pipeline.assembly import choose
from headrace.pipeline.shared import Shared
from headrace.platform.health import HttpServer
from headrace.platform.oauth import stored_name
from headrace.platform.settings import checked

_out = out()


def authorize(
    connection: Annotated[str, typer.Argument(help="Connection that has `oauth`.")],
    paste: Annotated[
        bool, typer.Option("--paste", help="Ask for the address that the browser ends at, instead of listening.")
    ] = False,
) -> None:
    """Let the app into an account: open the address that is shown, allow, and the tokens are stored."""
    with_deployment(lambda shared: _authorize(shared, connection, paste))
    _out.print(f"{connection} is authorized; running processes take the tokens up by themselves")


async def _authorize(shared: Shared, name: str, paste: bool) -> None:
    choose(shared.settings, (CONNECTOR,), lambda each: True, name)
    if shared.credentials is None:
        raise ConfigurationError("credentials.keys: not set; the tokens are kept in the credential store")
    where = f"connections.{name}.config"
    config = checked(PipedriveConfig, shared.settings.connections[name].config, where, shared.credentials.lookup)
    endpoint = TokenEndpoint(name, config)
    redirect_uri = config.oauth.redirect_uri if config.oauth else ""
    try:
        state = secrets.token_urlsafe(24)
        listens = not paste and urlsplit(redirect_uri).hostname in LOCAL_HOSTS
        _out.print("Open this address in a browser, as the user that Headrace is to work as:")
        _out.print(endpoint.authorize_url(state), markup=False)
        code = await _redirected(redirect_uri, state) if listens else await _pasted(state)
        tokens = await endpoint.redeem_code(code)
        await shared.credentials.put(stored_name(name), tokens.dump(), operator())
    finally:
        await endpoint.close()


async def _redirected(redirect_uri: str, state: str) -> str:
    """Listen at the redirect address until the browser brings a code with the right state."""
    parts = urlsplit(redirect_uri)
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def take(request: Request) -> Response:
        try:
            code = code_of(request.url.query, state)
        except StopConnection as refused:
            if refused.remedy and not answer.done():
                answer.set_exception(refused)
            return PlainTextResponse(f"{refused.reason}\n", 400)
        if not answer.done():
            answer.set_result(code)
        return PlainTextResponse("Headrace has what it needs. You can close this window.\n")

    server = HttpServer(Starlette(routes=[Route(parts.path or "/", take)]), parts.hostname or "", parts.port or 80)
    await server.start()
    _out.print(f"Waiting at {redirect_uri} (Ctrl-C gives up)")
    try:
        return await answer
    finally:
        await server.stop()


async def _pasted(state: str) -> str:
    address = await asyncio.to_thread(typer.prompt, "Paste the address that the browser ends at", hide_input=True)
    return code_of(urlsplit(address.strip()).query, state)


def code_of(query: str, state: str) -> str:
    """Return the code of a redirect.

    Args:
        query: of the redirect address.
        state: what was sent with the user.

    Raises:
        StopConnection: another state (without a remedy: it is not ours), refused by the user, or no code.
    """
    given = {name: values[0] for name, values in parse_qs(query).items()}
    if not secrets.compare_digest(given.get("state", "").encode(), state.encode()):
        raise StopConnection("the state is not the one that was sent: this answer belongs to another attempt")
    if "error" in given:
        # Documentation and vendor's client disagree: user_denied or access_denied.
        raise StopConnection("the authorization was refused", "Run it again, and allow the app.")
    if not given.get("code"):
        raise StopConnection("the address has no code", "Run it again, and copy the whole address.")
    return given["code"]
