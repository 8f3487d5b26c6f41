"""Text that nobody vouches for, and files that come as text: whole or not at all."""

import base64
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.connectors.dataverse.documents import decoded
from headrace.connectors.dataverse.summary import CUT, shown
from headrace.connectors.dataverse.values import units
from headrace.core.errors import RejectRecord


@given(st.text(), st.integers(min_value=20, max_value=400))
def test_a_text_fits_its_column_and_holds_no_markup(text: str, size: int) -> None:
    found = shown(text, size)
    assert units(found) <= size
    assert "<" not in found
    assert ">" not in found
    found.encode()  # no half of a character


@given(st.text(alphabet=st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co")), max_size=50))
def test_a_short_text_is_as_it_was(text: str) -> None:
    assert shown(text, 1000, escape=False) == text


def test_an_escape_is_never_cut_through() -> None:
    assert shown("&" * 10, 20) == "&amp;&amp;&amp;" + CUT
    assert shown("🥨" * 10, 15, escape=False) == "🥨" * 5 + CUT


async def parts(text: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 77, 78, 1000])
@pytest.mark.parametrize("length", [0, 1, 2, 3, 57, 58, 300])
async def test_base64_in_parts_of_any_length(length: int, size: int) -> None:
    content = bytes(number % 256 for number in range(length))
    text = base64.encodebytes(content)
    assert b"".join([part async for part in decoded(parts(text, size), "x")]) == content


@pytest.mark.parametrize("text", [b"QUJ", b"QUJD*", b"<html", b"QUJDQ"])
async def test_what_is_no_base64(text: bytes) -> None:
    with pytest.raises(RejectRecord):
        [part async for part in decoded(parts(text, 4), "file of note 1")]
