"""What people and scripts are shown of a comparison."""

from __future__ import annotations

import json
from decimal import Decimal

from headrace.cli.reconcile_results import HIDDEN, as_json, line_of, words_of
from headrace.core.event import Ref
from headrace.pipeline.reconcile import Direction, Finding, Tally, Verdict
from headrace.pipeline.reconcile_repair import Repair


def finding(**more):
    given = {"canonical_id": "C1", "step": "record", **more}
    return Finding(Direction.TO, "Vendors", "V-1", "vendor", Verdict.DIFFERS, **given)


def test_a_line_names_the_record_and_both_values():
    line = line_of(finding(fields={"Name": ("Berg", None), "Credit": (Decimal("1.50"), Decimal(2))}))
    assert line == (
        "differs · to it: Vendors V-1 (vendor record) [C1]: Name: written Berg, holds nothing; "
        "Credit: written 1.50, holds 2"
    )


def test_bank_data_and_secrets_are_never_shown():
    fields = {
        "VendorBankAccount": ("NO9386011117947", "NO9386011117948"),
        "contact": ({"iban": "NO9386011117947", "name": "Ada"}, {"iban": None, "name": "Eva"}),
        "accounts": ([{"swift_code": "DNBANOKK"}], []),
        "ApiToken": ("secret-word", ""),
        "AccountNumber": ("C-7", "C-8"),
    }
    shown = as_json("erp", {}, [finding(fields=fields)], None) + line_of(finding(fields=fields))
    for hidden in ("NO93860", "DNBANOKK", "secret-word"):
        assert hidden not in shown
    told = json.loads(as_json("erp", {}, [finding(fields=fields)], None))["differences"][0]["fields"]
    assert told["VendorBankAccount"] == {"known": HIDDEN, "holds": HIDDEN}
    assert told["contact"]["known"] == {"iban": HIDDEN, "name": "Ada"}
    assert told["ApiToken"] == {"known": HIDDEN, "holds": ""}
    assert told["AccountNumber"] == {"known": "C-7", "holds": "C-8"}


def test_scripts_get_counts_differences_and_what_a_repair_asked_for():
    tally = Tally()
    tally.expect(Direction.FROM, "Vendors", "vendor")
    tally.add(finding())
    repair = Repair(reads=[Ref("Vendors", "V-1")], left=[(finding(), "enter it by hand")])
    document = json.loads(as_json("erp", tally.counts, tally.differences, repair))
    assert document["counts"] == [
        {"direction": "from", "object": "Vendors", "entity": "vendor", "records": {}},
        {"direction": "to", "object": "Vendors", "entity": "vendor", "records": {"differs": 1}},
    ]
    assert document["repair"]["read_anew"] == ["Vendors:V-1"]
    assert document["repair"]["left"][0]["do"] == "enter it by hand"
    assert list(words_of(repair)) == [
        "asked for: 1 records read anew, 0 repaired by the processor",
        "left · Vendors V-1: enter it by hand",
    ]
