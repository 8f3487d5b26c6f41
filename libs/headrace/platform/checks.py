"""Lines of `headrace ping` that every connector has: TLS of an address, and how far its clock is from ours."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from urllib.parse import urlsplit

from headrace.core.contracts import Check, CheckState

LARGEST_SKEW = 60.0
"""Seconds without consequence: polls overlap by more."""
FATAL_SKEW = 300.0
"""Seconds from which sign-in services refuse what we sign, and polls miss changes."""
EXPIRY_DAYS = 14
_HANDSHAKE_SECONDS = 10.0
_LOCAL = ("localhost", "127.0.0.1", "::1")


def clock(ahead: float | None) -> Check:
    """Return the line about clocks.

    Args:
        ahead: seconds that the server's `Date` is ahead of our clock; None if it did not tell.
    """
    if ahead is None:
        return Check("clock", CheckState.WARN, "the answer has no Date header", "Look at the gateway between.")
    text = f"{ahead:+.0f} s apart"
    if abs(ahead) <= LARGEST_SKEW:
        return Check("clock", CheckState.PASS, text)
    state = CheckState.FAIL if abs(ahead) >= FATAL_SKEW else CheckState.WARN
    return Check("clock", state, text, "Set this machine's clock (NTP).")


async def tls(name: str, url: str, verify: str | bool = True, *, outside: bool = False) -> Check:
    """Return the line about an address's TLS: version and certificate, from a handshake with nothing sent.

    Args:
        name: of the line.
        url: the address.
        verify: True for the system's certificate authorities, or a PEM file.
        outside: others call the address, so that it need not be reachable from here.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        if host in _LOCAL:
            return Check(name, CheckState.PASS, "not encrypted; it does not leave this machine")
        return Check(name, CheckState.FAIL, f"{host}: not encrypted", "Use an https address.")
    context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
    try:
        async with asyncio.timeout(_HANDSHAKE_SECONDS):
            _, writer = await asyncio.open_connection(host, parts.port or 443, ssl=context)
    except ssl.SSLCertVerificationError as error:
        remedy = "Serve a certificate that the public trusts." if outside else "Name its authority's PEM in verify."
        return Check(name, CheckState.FAIL, f"{host}: {error.verify_message}", remedy)
    except (OSError, TimeoutError) as error:
        text = f"{host}: {type(error).__name__}, {error}".rstrip(", ")
        if outside:
            return Check(name, CheckState.WARN, f"cannot be reached from here: {text}", "Try it from the internet.")
        return Check(name, CheckState.FAIL, text, "Check address, DNS and firewall; TLS 1.2 or newer is needed.")
    try:
        return _certificate(name, host, writer.get_extra_info("ssl_object"))
    finally:
        writer.close()


def _certificate(name: str, host: str, session: ssl.SSLObject) -> Check:
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str((session.getpeercert() or {})["notAfter"])), UTC)
    days = (ends - datetime.now(UTC)).days
    text = f"{session.version()}, certificate of {host} until {ends:%Y-%m-%d}"
    if days < EXPIRY_DAYS:
        return Check(name, CheckState.WARN, text, f"It ends in {days} days: renew it.")
    return Check(name, CheckState.PASS, text)
