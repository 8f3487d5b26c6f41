from typing import Any

import pytest

from headrace.connectors.dataverse.config import DataverseConfig
from headrace.connectors.dataverse.guids import guid_of, lookup_of
from headrace.connectors.dataverse.transforms import transforms
from headrace.core.errors import RejectRecord
from headrace.platform.settings import checked

ID = "3f0f9d3e-5a1b-ee11-9966-000d3a5b1c2d"
VALUES = {"environment_url": "https://org.crm4.dynamics.com", "tenant_id": "t", "client_id": "c", "client_secret": "s"}
NAMED = transforms(checked(DataverseConfig, VALUES, "sales"))


def url(host: str) -> str:
    return f"https://{host}/main.aspx?etn=opportunity&id={ID}"


@pytest.mark.parametrize("text", [ID, ID.upper(), f"{{{ID.upper()}}}", f" {ID} "])
@pytest.mark.parametrize("address", [None, "", url("org.crm4.dynamics.com"), url("ORG.api.crm4.dynamics.com")])
def test_an_id_in_any_spelling(text: str, address: Any) -> None:
    assert NAMED["record_id"](text=text, url=address) == ID


@pytest.mark.parametrize(
    ("text", "address", "words"),
    [
        ("4711", None, "no GUID"),
        (None, url("org.crm4.dynamics.com"), "no GUID"),
        (f"{{{ID}", None, "no GUID"),
        (f"{ID}'", None, "no GUID"),
        (ID, url("org.crm4.dynamics.com.evil.example"), "this connection is"),
        (ID, url("other.crm4.dynamics.com"), "this connection is"),
        (ID, "javascript:alert(1)", "no host"),
        (ID, f"https://org.crm4.dynamics.com@evil.example/{ID}", "evil.example"),
    ],
)
def test_an_id_that_is_not_ours(text: Any, address: Any, words: str) -> None:
    with pytest.raises(RejectRecord, match=words):
        NAMED["record_id"](text=text, url=address)


def test_a_document_that_names_nothing() -> None:
    assert NAMED["record_id"](text=None, url="") is None
    assert NAMED["regarding"](type=None, id=None, url=None) is None


def test_what_a_summary_is_about() -> None:
    assert NAMED["regarding"](type="opportunity", id=ID.upper(), url=None) == f"opportunity={ID}"
    for kind in ("quote", "Opportunity", "systemuser", "opportunities"):
        with pytest.raises(RejectRecord, match="record type not allowed"):
            NAMED["regarding"](type=kind, id=ID, url=None)


def test_own_ids_are_always_the_same_and_never_anothers() -> None:
    own_id = NAMED["own_id"]
    assert own_id(record="a", name="summary", revision=1) == own_id(record="a", name="summary", revision="1")
    others = {own_id(record=record, name=name, revision=1) for record in "ab" for name in ("summary", "x")}
    assert len(others) == 4
    assert own_id(record="a", name="b", revision="c") != own_id(record="ab", name="", revision="c")
    # Rows in environments are found again by it, so it may never change.
    assert own_id(record="document-1", name="summary", revision=2) == "33b2aeec-1bfd-5ec3-8d98-e994ef9c1029"


def test_guids_and_lookups() -> None:
    assert guid_of(None) == guid_of("") == guid_of(ID + "0") == ""
    assert lookup_of(f"account={ID}") == ("account", ID)
    for text in (ID, "account=", "account=1", f"a={ID},b={ID}", None, 1, {}):
        assert lookup_of(text) == ("", "")
