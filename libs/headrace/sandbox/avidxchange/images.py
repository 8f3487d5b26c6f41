"""Scans: a small valid PDF that names its invoice, and the two sides of a cleared cheque as PNG.

A link to a scan carries the time it was given, signed, and ends after some hours of the sandbox's clock.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.sandbox.avidxchange.calls import Call, Endpoint
from headrace.sandbox.avidxchange.errors import ApiError, Reply
from headrace.sandbox.avidxchange.fields import INVOICES, SYSTEM

IMAGES = "/images/"
PAPER = "#paper"
_NAME = re.compile(r"(\d+)-([0-9a-f]{16})\.pdf")
_KEY = b"links of the AvidXchange sandbox"
_WIDTH, _HEIGHT = 120, 48


def endpoints() -> list[Endpoint]:
    """Return the endpoint of invoice images."""
    return [Endpoint("GET", f"{IMAGES}{{id}}/{{name}}", _image)]


def image_path(invoice: int, now: datetime) -> str:
    """Return a fresh path of an invoice's image."""
    given = int(now.timestamp())
    return f"{IMAGES}{invoice}/{given}-{_signature(str(invoice), given)}.pdf"


def _signature(invoice: str, given: int) -> str:
    return hmac.new(_KEY, f"{invoice}/{given}".encode(), hashlib.sha256).hexdigest()[:16]


def _image(call: Call) -> Reply:
    match = _NAME.fullmatch(call.names["name"])
    record = call.suite.store.get(INVOICES, call.names["id"])
    if match is None or record is None or match[2] != _signature(call.names["id"], int(match[1])):
        raise ApiError(404, "The document does not exist")
    if call.company and record.data[SYSTEM] not in call.suite.system_ids(call.company):
        raise ApiError(403, "The document belongs to another company")
    ends = datetime.fromtimestamp(int(match[1]), UTC) + timedelta(hours=call.suite.settings.image_link_hours)
    if call.now >= ends:
        raise ApiError(410, "The link to the document has expired; read the invoice again")
    if not record.data["#image"]:
        raise ApiError(404, "The invoice has no document")
    return Reply(pdf(record.data[PAPER]), content_type="application/pdf")


def invoice_pdf(invoice: Mapping[str, Any]) -> bytes:
    """Return the scan of an invoice as it came, the same bytes for the same invoice."""
    return pdf(invoice_text(invoice))


def invoice_text(invoice: Mapping[str, Any]) -> list[str]:
    """Return what stands on the paper of an invoice; who codes it anew does not change that."""
    return [
        f"Invoice {invoice['Number']}",
        f"{invoice['BuyerVendor']['VendorName']}",
        f"Date {str(invoice['InvoiceDate'])[:10]}",
        "",
        *(f"{each['Description'] or ''}  {each['Amount']}" for each in invoice["Distributions"]),
        "",
        f"Total {invoice['CurrencyCode']} {invoice['GrossAmount']}",
    ]


def pdf(lines: Sequence[str]) -> bytes:
    """Return a PDF of one page with these lines of text."""
    shown = " ".join(f"({_escaped(line)}) Tj T*" for line in lines)
    content = f"BT /F1 12 Tf 16 TL 72 720 Td {shown} ET".encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    out, offsets = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def _escaped(text: str) -> str:
    return re.sub(r"([\\()])", r"\\\1", text)


def cheque_png(seed: str) -> bytes:
    """Return a grey picture that is another one for each seed."""
    pattern = hashlib.sha256(seed.encode()).digest()
    rows = b"".join(
        b"\x00" + bytes(pattern[(x // 8 + y // 8) % len(pattern)] for x in range(_WIDTH)) for y in range(_HEIGHT)
    )
    header = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
