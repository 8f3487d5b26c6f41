"""Names that mappings use are held against the system when a worker starts."""

from __future__ import annotations

import logging

import pytest

from headrace.core.contracts import Check, CheckState, Connector, ObjectDescription
from headrace.core.errors import RetryLater
from headrace.mapping.loading import parse
from headrace.pipeline.names import check_names

MAPPING = """
direction: out
system: test
entity: customer
version: 1
steps:
  - step: record
    object: account
    marker: [name]
    fields:
      name: {copy: name}
      custom.new_vat: {copy: tax_number}
"""
CONNECTOR = Connector(
    "test", dict, lambda *given: None, {"account": ObjectDescription("account", {"name": "string"}, ("custom.",))},
    lambda config: {},
)  # fmt: skip


class Plain:
    """A connection that checks nothing at the start."""


class Strict(Plain):
    def __init__(self, has=("name",), error=None):
        self.has, self.error = has, error

    async def check_names(self, needs):
        if self.error is not None:
            raise self.error
        return [
            Check(
                need.name, CheckState.PASS if need.name in self.has else CheckState.FAIL, need.where, "new_vatnumber?"
            )
            for need in needs.of("account")
        ]


async def checked(connection):
    return await check_names("sales", CONNECTOR, connection, [parse(MAPPING)])


async def test_a_name_that_is_not_there_is_told_with_its_place_and_the_nearest_one(caplog):
    with caplog.at_level(logging.ERROR):
        (line,) = await checked(Strict())
    assert (line.name, line.remedy) == ("custom.new_vat", "new_vatnumber?")
    (record,) = caplog.records
    assert (record.connection, record.check) == ("sales", "custom.new_vat")


async def test_nothing_is_told_of_what_is_there(caplog):
    assert await checked(Strict(has=("name", "custom.new_vat"))) == []
    assert await checked(Plain()) == []
    assert caplog.records == []


@pytest.mark.parametrize("error", [RetryLater("busy")])
async def test_a_system_that_does_not_answer_keeps_no_worker_from_starting(caplog, error):
    assert await checked(Strict(error=error)) == []
    assert "busy" in caplog.records[0].reason
