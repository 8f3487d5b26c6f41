"""What is assumed of the API, as data: `contract.yaml`, and over it what a customer's own file names differently.

The vendor shows its reference to partners only. When a name, a path or a word turns out to be another, a line of YAML
corrects it, and no code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from headrace.platform import contract_files
from headrace.platform.contract_files import ABSENT
from headrace.platform.settings import Strict

DEFAULT = "contract.yaml"
Row = Mapping[str, Any]


class AuthNames(Strict):
    """Headers and addresses of the three ways to sign in."""

    company_token_header: str
    user_token_header: str
    company_id_header: str
    user_authorization_header: str
    token_url: str
    authorizations: str


class Paths(Strict):
    """Addresses below `api_prefix`."""

    accounting_systems: str
    vendors: str
    enterprise_codes: str
    purchase_orders: str
    closed_batches: str
    export_histories: str
    invoices: str
    payments: str

    @field_validator("closed_batches")
    @classmethod
    def _has_its_place(cls, value: str) -> str:
        if "{accounting_system}" not in value:
            raise ValueError("must hold {accounting_system}, where the id stands")
        return value


class Links(Strict):
    """What links are called."""

    details: str
    next: str


class Paging(Strict):
    """Parameters and envelope of lists."""

    number_parameter: str
    size_parameter: str
    largest_size: int = Field(ge=1)
    items: str
    envelope: str
    number: str
    count: list[str]
    total: str
    links: str
    relation: str
    address: str


class Filters(Strict):
    """Parameters of lists, and their limits."""

    accounting_system: str
    modified_from: str
    modified_to: str
    closed_from: str
    closed_to: str
    status: str
    invoice_ids: str
    payment_ids: str
    vendor_ids: str
    code_groups: str
    code_values: str
    order_numbers: str
    largest_days: int = Field(ge=1)
    largest_ids: int = Field(ge=1)


class Bulk(Strict):
    """Body and answer of upserts."""

    largest_size: int = Field(ge=1)
    keeps_absent_fields: bool
    accounting_system: str
    vendors: str
    enterprise_codes: str
    purchase_orders: str
    results: str
    successful: str
    item: str
    errors: str
    message: str


class ExportHistory(Strict):
    """Body of an acknowledgement: the ERP took the batch."""

    batch: str
    file: str
    user: str
    started: str
    ended: str
    status: str
    taken: int


class Words(Strict):
    """Words of the system that decide something here."""

    approved: str
    no_account: str
    empty_code: str
    held: list[str]
    error: list[str]
    void: str
    cleared: list[str]
    under_way: list[str]
    check: list[str]
    direct: list[str]
    card: list[str]
    transfer: list[str]

    @field_validator("void")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from None
        return value


class Contract(Strict):
    """All of it. `fields` gives by kind of record, for each of our names, where theirs is found."""

    api_prefix: str = Field(pattern=r"^(/[^/?#{}]+)*$")
    timezone: str
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    auth: AuthNames
    paths: Paths
    links: Links
    paging: Paging
    filters: Filters
    bulk: Bulk
    export_history: ExportHistory
    image_auth: Literal["same", "none"]
    words: Words
    required: Mapping[str, list[str]]
    required_in: Mapping[str, Mapping[str, list[str]]]
    lengths: Mapping[str, Mapping[str, int]]
    fields: Mapping[str, Mapping[str, str | list[str]]]

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{value!r} is no time zone; write one such as America/New_York") from None
        return value

    @model_validator(mode="after")
    def _names_its_fields(self) -> Contract:
        places = {"required": self.required, "required_in": self.required_in, "lengths": self.lengths}
        for place, named_fields in places.items():
            for kind, names in named_fields.items():
                for name in names:
                    if name not in self.fields[kind]:
                        raise ValueError(f"{place}.{kind}: {contract_files.unknown_name(name, self.fields[kind])}")
        for kind, names in self.required_in.items():
            for name in names:
                if _country(name) not in self.fields[kind]:
                    raise ValueError(f"required_in.{kind}.{name}: is no field of an address with a country")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """Zone of timestamps that name none."""
        return ZoneInfo(self.timezone)

    def required_of(self, kind: str, fields: Mapping[str, Any], *, is_new: bool) -> list[str]:
        """Return the fields that a record needs, with those that its country needs.

        A new record that tells no country needs them too. A change that does not tell it is the system's to judge.
        """
        needed = list(self.required.get(kind, ()))
        for name, countries in self.required_in.get(kind, {}).items():
            country = str(fields.get(_country(name)) or "").strip().upper()
            if country in countries or (countries and is_new and not country):
                needed.append(name)
        return needed

    def path(self, name: str, **parts: object) -> str:
        """Return an address by the name that it has under `paths`."""
        found: str = getattr(self.paths, name)
        return self.api_prefix + found.format(**parts)

    def theirs(self, kind: str, name: str) -> Sequence[str]:
        """Return where the system keeps one of our fields: one place, or several with the one that is read first."""
        found = self.fields[kind][name]
        return [found] if isinstance(found, str) else found

    def tells(self, kind: str, name: str, row: Row) -> bool:
        """Say whether a row has one of our fields at all, empty or not."""
        return find(row, self.theirs(kind, name)[0]) is not ABSENT

    def value(self, kind: str, name: str, row: Row) -> Any:
        """Return one of our fields of a row as the system wrote it; None if it is empty or not there."""
        found = find(row, self.theirs(kind, name)[0])
        return None if found is ABSENT else found


def _country(name: str) -> str:
    """Return the field that tells the country of an address, by another field of that address."""
    return f"{name.partition('.')[0]}.Country"


def find(row: Any, place: str) -> Any:
    """Return what stands at a place such as "BankAccount.ClientIds.0", `ABSENT` if the row does not show it."""
    return contract_files.find(row, place, named)


def named(row: Any, name: str) -> Any:
    """Return a field of a row, also if its first letter is a small one there; `ABSENT` if there is none."""
    if not isinstance(row, Mapping):
        return ABSENT
    return row[name] if name in row else row.get(name[:1].lower() + name[1:], ABSENT)


def load_contract(path: Path | None = None) -> Contract:
    """Return the contract, with a customer's file over the default.

    Raises:
        ConfigurationError: every problem of the file, one line each, with the closest right name.
    """
    default = resources.files(__package__).joinpath(DEFAULT).read_text(encoding="utf-8")
    return contract_files.load(Contract, default, path, lambda place: place.startswith(("lengths.", "required_in.")))
