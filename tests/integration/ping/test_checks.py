"""The lines that every connector's `ping` has: TLS of an address, and clocks."""

from pathlib import Path

import pytest
from starlette.applications import Starlette

from headrace.core.contracts import CheckState
from headrace.platform import checks
from headrace.testing.serving import closed_address, serve

PASS, WARN, FAIL = CheckState.PASS, CheckState.WARN, CheckState.FAIL


async def test_a_certificate_that_is_trusted(tmp_path: Path) -> None:
    async with serve(Starlette(), tmp_path) as served:
        line = await checks.tls("TLS", served.url, str(served.authority_file))
    assert line.state is PASS
    assert "certificate of localhost until" in line.detail


async def test_a_certificate_that_ends_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "EXPIRY_DAYS", 365)  # the certificate is good for a month
    async with serve(Starlette(), tmp_path) as served:
        line = await checks.tls("TLS", served.url, str(served.authority_file))
    assert line.state is WARN
    assert "renew it" in line.remedy


async def test_a_certificate_that_the_public_does_not_trust(tmp_path: Path) -> None:
    async with serve(Starlette(), tmp_path) as served:
        line = await checks.tls("webhook address", served.url, outside=True)
    assert line.state is FAIL
    assert "public" in line.remedy


@pytest.mark.parametrize(("outside", "state"), [(False, FAIL), (True, WARN)])
async def test_an_address_that_does_not_answer(outside: bool, state: CheckState) -> None:
    """What others call may well be out of reach from here."""
    line = await checks.tls("TLS", closed_address().replace("http:", "https:"), outside=outside)
    assert line.state is state


async def test_a_port_that_speaks_no_tls() -> None:
    async with serve(Starlette()) as served:
        line = await checks.tls("TLS", served.url.replace("http:", "https:"))
    assert line.state is FAIL


@pytest.mark.parametrize(
    ("url", "state"), [("http://localhost:1/hooks", PASS), ("http://hooks.example.com/hooks", FAIL)]
)
async def test_an_address_in_clear(url: str, state: CheckState) -> None:
    assert (await checks.tls("TLS", url)).state is state


@pytest.mark.parametrize(
    ("ahead", "state"), [(None, WARN), (0.4, PASS), (-60, PASS), (61, WARN), (-299, WARN), (300, FAIL), (-9000, FAIL)]
)
def test_clocks(ahead: float | None, state: CheckState) -> None:
    line = checks.clock(ahead)
    assert line.state is state
    assert bool(line.remedy) is (state is not PASS)
