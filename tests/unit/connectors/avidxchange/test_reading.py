"""Records as data: what the wire shows and what becomes of it, a folder of files for each case."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from headrace.connectors.avidxchange.config import AvidxchangeConfig
from headrace.connectors.avidxchange.objects import WRITABLE
from headrace.connectors.avidxchange.reading import Reader
from headrace.core import values
from headrace.platform.json_text import parse_json
from headrace.platform.record_json import dump_record, load_record
from headrace.platform.settings import checked

CASES = sorted((Path(__file__).parent / "records").glob("*.json"))
BASE = {
    "base_url": "https://api.example.com",
    "auth": {"company_token": "ct_x", "user_token": "ut_x"},
    "entities": {"usmf": {"accounting_system_id": 4811}},
}


def reader(**config: Any) -> Reader:
    return Reader(checked(AvidxchangeConfig, {**BASE, **config}, "test"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_records(path: Path) -> None:
    case: Any = parse_json(path.read_bytes())
    expected: Any = values.load(path.read_text(encoding="utf-8"))["record"]
    kind = path.stem.partition("-")[0]
    read: Any = getattr(reader(), kind, None)
    record, problem = read(case["row"], "usmf") if read else reader().master(WRITABLE[kind], case["row"], "usmf")
    assert record.data == expected
    assert (record.ref.external_id, record.version) == (case["id"], case["version"])
    assert (problem == "") == record.complete
    assert all(part in problem for part in case.get("problem", []))
    assert bool(problem) == ("problem" in case)
    assert load_record(dump_record(record)) == record


PAID, CLEARED, SETTLED = (date(2026, 3, day) for day in (5, 9, 10))


@pytest.mark.parametrize(
    ("post_when", "days", "expected"),
    [
        # Settled late, a payment counts from the day on which it was.
        (["Cleared"], {"PaymentDate": PAID, "ClearedDate": CLEARED, "SettledDate": SETTLED}, SETTLED),
        (["Cleared"], {"PaymentDate": PAID, "ClearedDate": CLEARED, "SettledDate": None}, CLEARED),
        (["Cleared"], {"PaymentDate": PAID, "ClearedDate": None, "SettledDate": None}, PAID),
        # Posted when it was issued, it must not move once it is cleared.
        (["Cleared", "ACH Credit Issued"], {"PaymentDate": PAID, "ClearedDate": None, "SettledDate": None}, PAID),
        (["ACH Credit Issued"], {"PaymentDate": PAID, "ClearedDate": CLEARED, "SettledDate": SETTLED}, PAID),
        (["ACH Credit Issued"], {"PaymentDate": None, "ClearedDate": CLEARED, "SettledDate": SETTLED}, SETTLED),
        (["ACH Credit Issued"], {"PaymentDate": None, "ClearedDate": CLEARED}, CLEARED),
        (["Cleared"], {}, None),
    ],
)
def test_the_day_that_counts(post_when: list[str], days: dict[str, date | None], expected: date | None) -> None:
    row = {"PaymentId": 1} | {name: day and f"{day.isoformat()}T00:00:00" for name, day in days.items()}
    record, _ = reader(payments={"post_when": post_when}).payment(row, "usmf")
    assert record.data["PostingDate"] == expected


def test_there_are_cases() -> None:
    assert len(CASES) >= 6
