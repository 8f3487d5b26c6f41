"""What is assumed of the API, as data: `contract.yaml`, and over it what a customer's own file names differently.

Public pages show a part of the API only, in two generations. When a name, a path or a word turns out to be another, a
line of YAML corrects it, and no code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path, PurePath
from typing import Any, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from headrace.platform import contract_files
from headrace.platform.contract_files import ABSENT
from headrace.platform.settings import Strict

DEFAULT = "contract.yaml"
Body = Literal["document", "v1", "v2"]
"""What holds extracted fields: a document that was read, or a webhook of one of the two generations."""
ChangeMethod = Literal["PATCH", "PUT", "POST"]
Row = Mapping[str, Any]
_MEGABYTE = 1_048_576


class Paths(Strict):
    """Addresses below the instance's; `{id}` stands for the id."""

    upload: str
    documents: str
    document: str
    status: str
    refs: str
    file: str
    contacts: str
    contact: str
    folders: str
    folder: str

    @field_validator("*")
    @classmethod
    def _is_path(cls, value: str) -> str:
        if not value.startswith("/"):
            raise ValueError(f"{value!r} must begin with /")
        return value

    @field_validator("document", "status", "refs", "file", "contact", "folder")
    @classmethod
    def _has_its_place(cls, value: str) -> str:
        if "{id}" not in value:
            raise ValueError("must hold {id}, where the id stands")
        return value


class UploadParts(Strict):
    """Names of an upload's parts."""

    file: str
    contact_id: str
    folder_id: str
    profile_id: str
    external_refs: str


class Upload(Strict):
    """What an upload sends, and what is taken."""

    ok: list[int]
    max_mb: int = Field(ge=1)
    same_name: Literal["separate", "version"]
    parts: UploadParts
    extensions: list[str]

    @field_validator("extensions")
    @classmethod
    def _are_extensions(cls, value: list[str]) -> list[str]:
        wrong = [each for each in value if not each.startswith(".") or each != each.lower()]
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: write them with a dot and in small letters, such as .pdf")
        return value

    @property
    def max_bytes(self) -> int:
        """Largest file."""
        return self.max_mb * _MEGABYTE

    def succeeded(self, status: int) -> bool:
        """Say whether a code of an answer means that the document is there."""
        return status in self.ok if self.ok else 200 <= status < 300

    def takes(self, filename: str) -> bool:
        """Say whether files with this name's extension are read."""
        return PurePath(filename).suffix.lower() in self.extensions


class ListParameters(Strict):
    """Filters of lists."""

    status: str
    contact_id: str
    folder_id: str
    date_from: str
    date_to: str
    contact_name: str
    folder_contact_id: str


class Lists(Strict):
    """Parameters and envelope of lists."""

    params: ListParameters
    page_param: str
    first_page: int = Field(ge=0)
    size_param: str
    usual_size: int = Field(ge=1)
    largest_size: int = Field(ge=1)
    items: str
    total: str
    page: str
    size: str
    date_field: str


class StatusWords(Strict):
    """Statuses as the instance writes them."""

    new: str
    processing: str
    needs_review: str
    missing_info: str
    ready: str
    approved: str
    export: str
    exception: str
    archived: str


class Status(Strict):
    """How a status is changed, and which may follow which."""

    method: ChangeMethod
    field: str
    words: StatusWords
    transitions: Mapping[str, list[str]]

    @model_validator(mode="after")
    def _names_its_words(self) -> Status:
        known = type(self.words).model_fields
        for name, followers in self.transitions.items():
            for each in (name, *followers):
                if each not in known:
                    raise ValueError(f"transitions.{name}: {contract_files.unknown_name(each, known)}")
        return self

    def name_of(self, word: str) -> tuple[str, bool] | None:
        """Return our name of a status, and whether its word came exactly so; None if no status has this word.

        A word in other letters is understood; whoever asks tells an operator of it.
        """
        names: dict[str, str] = {theirs: name for name, theirs in self.words.model_dump().items()}
        if word in names:
            return names[word], True
        folded = {theirs.casefold(): name for theirs, name in names.items()}
        found = folded.get(word.strip().casefold())
        return None if found is None else (found, False)

    def may_follow(self, name: str, after: str) -> bool:
        """Say whether a person or a call may change the status `after` to `name`."""
        return name in self.transitions.get(after, ())


class Refs(Strict):
    """How `external_refs` are changed, as a whole."""

    method: ChangeMethod
    field: str
    form: Literal["object", "text"]
    own_key: str


class Hmac(Strict):
    """A signature that a proxy before our address adds."""

    enabled: bool
    timestamp_header: str
    signature_header: str
    window_seconds: int = Field(ge=1)


class Events(Strict):
    """Names of events of the newer generation, by channel."""

    documents: str
    contacts: str
    folders: str
    cases: str
    notifications: str
    rules: str
    audit_log: str


class Webhook(Strict):
    """What tells webhooks apart, and what protects our address."""

    path_secret: bool
    hmac: Hmac
    version: str
    event: str
    timestamp: str
    events: Events


class Places(Strict):
    """Where extracted fields stand; `{name}` is the field's name, `{label}` its label."""

    document: list[str]
    v1: list[str]
    v2: list[str]

    @field_validator("*")
    @classmethod
    def _have_a_name(cls, value: list[str]) -> list[str]:
        wrong = [each for each in value if "{name}" not in each and "{label}" not in each]
        if wrong or not value:
            raise ValueError(f"{', '.join(wrong) or 'a place'} must hold {{name}} or {{label}}, where the name stands")
        return value


class Extraction(Strict):
    """What the instance read of a document."""

    places: Places
    no_value: list[str]
    names: Mapping[str, str]
    labels: Mapping[str, str]
    lines: Mapping[str, str]


class Found(NamedTuple):
    """A value, and the place where it stood."""

    value: Any
    place: str


class Contract(Strict):
    """All of it. `fields` gives by kind of record, for each of our names, where theirs is found."""

    paths: Paths
    upload: Upload
    lists: Lists
    status: Status
    refs: Refs
    webhook: Webhook
    extraction: Extraction
    fields: Mapping[str, Mapping[str, str]]

    def path(self, name: str, **parts: object) -> str:
        """Return an address by the name that it has under `paths`."""
        found: str = getattr(self.paths, name)
        return found.format(**parts)

    def tells(self, kind: str, name: str, row: Row) -> bool:
        """Say whether a row has one of our fields at all, empty or not."""
        return contract_files.find(row, self.fields[kind][name]) is not ABSENT

    def value(self, kind: str, name: str, row: Row) -> Any:
        """Return one of our fields of a row as the instance wrote it; None if it is empty or not there."""
        found = contract_files.find(row, self.fields[kind][name])
        return None if found is ABSENT else found

    def extracted(self, body: Body, name: str, row: Row) -> Found | None:
        """Return what was read of a document for one of our names; None if no place has a value.

        Args:
            body: what the row is.
            name: one of `extraction.names`.
            row: a document that was read, or a webhook's body.
        """
        places: list[str] = getattr(self.extraction.places, body)
        for place in places:
            names = [*self._filled(place, name)]
            found = _found(row, names)
            if not self.is_no_value(found):
                return Found(found, ".".join(names))
        return None

    def is_no_value(self, value: Any) -> bool:
        """Say whether something that was read means that nothing was found."""
        if value is None or value is ABSENT or value in ([], {}):
            return True
        words = {word.casefold() for word in self.extraction.no_value}
        return isinstance(value, str) and value.strip().casefold() in {"", *words}

    def _filled(self, place: str, name: str) -> Iterator[str]:
        """Yield the names of a place; one of them may hold a dot itself, as labels do."""
        theirs, label = self.extraction.names[name], self.extraction.labels.get(name, name)
        for part in place.split("."):
            yield part.replace("{name}", theirs).replace("{label}", label)


def _found(row: Any, names: list[str]) -> Any:
    found = row
    for name in names:
        found = named(found, name)
    return found


def named(row: Any, name: str) -> Any:
    """Return a field of a row, also if its letters are large or small ones there; `ABSENT` if there is none."""
    if not isinstance(row, Mapping):
        return ABSENT
    if name in row:
        return row[name]
    return next((value for key, value in row.items() if str(key).casefold() == name.casefold()), ABSENT)


def load_contract(path: Path | None = None) -> Contract:
    """Return the contract, with a customer's file over the default.

    Raises:
        ConfigurationError: every problem of the file, one line each, with the closest right name.
    """
    default = resources.files(__package__).joinpath(DEFAULT).read_text(encoding="utf-8")
    return contract_files.load(Contract, default, path)
