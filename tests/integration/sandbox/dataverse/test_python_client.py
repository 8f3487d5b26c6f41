"""The vendor's own client (`PowerPlatform-Dataverse-Client`), unchanged, against the sandbox.

It brings pandas and numpy, so it has an environment of its own, made once in pytest's cache and again when the lock
changes.
"""

import asyncio
import hashlib
import os
import sys
from pathlib import Path

import pytest

from headrace.sandbox.dataverse.installation import CLIENT_ID, CLIENT_SECRET, TENANT_NAME
from tests.integration.sandbox.dataverse.server import running

PROJECT = Path(__file__).parent / "client"
LOCK = PROJECT / "requirements.txt"
CHECKS = 12


async def _run(*command: str, **environment: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env={**os.environ, **environment}
    )
    output, _ = await process.communicate()
    text = output.decode()
    assert process.returncode == 0, text
    return text


async def _environment(cache: Path) -> str:
    """Return the interpreter of an environment that holds the client."""
    wanted = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    done, folder = cache / "installed.sha256", cache / "environment"
    python = str(folder / "bin" / "python")
    if not done.exists() or done.read_text() != wanted:
        await _run(sys.executable, "-m", "venv", "--clear", str(folder))
        await _run(
            python, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--requirement", str(LOCK)
        )
        done.write_text(wanted)
    return python


async def test_the_vendors_client_works_unchanged(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    assert request.config.cache is not None
    python = await _environment(request.config.cache.mkdir("dataverse-python-client"))
    async with running(tmp_path, tls=True, key_activation_seconds=0) as server:
        # The client takes https addresses only, and trusts what requests trusts.
        trust = {"REQUESTS_CA_BUNDLE": str(server.authority_file)}
        told = (server.url, TENANT_NAME, CLIENT_ID, CLIENT_SECRET)
        output = await _run(python, str(PROJECT / "check.py"), *told, **trust)
    assert output.count("ok ") == CHECKS, output
