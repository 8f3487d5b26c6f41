"""Records as data: what the wire shows and what becomes of it, a folder of files for each case."""

from __future__ import annotations

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


def reader() -> Reader:
    return Reader(checked(AvidxchangeConfig, BASE, "test"))


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


def test_there_are_cases() -> None:
    assert len(CASES) >= 6
