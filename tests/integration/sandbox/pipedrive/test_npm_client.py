"""The vendor's own client (npm `pipedrive`), unchanged, against the sandbox.

`npm ci` runs once into pytest's cache and again when the lock file changes.
"""

import asyncio
import hashlib
import shutil
from pathlib import Path

import httpx
import pytest

PROJECT = Path(__file__).parent / "npm"
NODE = shutil.which("node")
NPM = shutil.which("npm")
CHECKS = 12


async def _run(*command: str, folder: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    text = output.decode()
    assert process.returncode == 0, text
    return text


async def _installed(cache: Path) -> Path:
    lock = hashlib.sha256((PROJECT / "package-lock.json").read_bytes()).hexdigest()
    done = cache / "installed.sha256"
    for name in ("package.json", "package-lock.json", "check.mjs"):
        shutil.copy(PROJECT / name, cache / name)
    if not done.exists() or done.read_text() != lock:
        await _run(str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=cache)
        done.write_text(lock)
    return cache


@pytest.mark.skipif(NODE is None or NPM is None, reason="node and npm are not on this machine: install Node.js 20")
async def test_the_official_client_works_unchanged(sandbox: httpx.AsyncClient, request: pytest.FixtureRequest) -> None:
    assert request.config.cache is not None
    folder = await _installed(request.config.cache.mkdir("pipedrive-npm-client"))
    output = await _run(str(NODE), "check.mjs", str(sandbox.base_url).rstrip("/"), folder=folder)
    assert output.count("ok ") == CHECKS
