"""Contacts and folders over the API (R-08)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from headrace.sandbox.common.store import Record
from headrace.sandbox.recordengine.calls import Call, Endpoint, required
from headrace.sandbox.recordengine.directory import ContactBody, Directory, FolderBody
from headrace.sandbox.recordengine.errors import ApiError, unfit
from headrace.sandbox.recordengine.instance import CONTACTS, FOLDERS


class DirectoryEndpoints:
    """Answers calls about contacts and folders."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints of this module."""
        return [
            Endpoint("contacts", "GET", _list_contacts),
            Endpoint("contacts", "POST", self._add_contact),
            Endpoint("contact", "GET", lambda call: _shown(call, "contact", call.record(CONTACTS, "Contact").data)),
            Endpoint("folders", "GET", _list_folders),
            Endpoint("folders", "POST", self._add_folder),
            Endpoint("folder", "GET", lambda call: _shown(call, "folder", call.record(FOLDERS, "Folder").data)),
        ]

    def _add_contact(self, call: Call) -> Any:
        add: Callable[[Any], Record] = lambda body: self._directory.add_contact(body, call.note)  # noqa: E731
        return _added(call, "contact", ContactBody, add)

    def _add_folder(self, call: Call) -> Any:
        add: Callable[[Any], Record] = lambda body: self._directory.add_folder(body, call.note)  # noqa: E731
        return _added(call, "folder", FolderBody, add)


def _list_contacts(call: Call) -> Any:
    part = call.parameters.get(call.wire.lists["params"]["contact_name"], "").casefold()
    found = [each.data for each in call.instance.store.list(CONTACTS) if part in each.data["name"].casefold()]
    return call.page([_shown(call, "contact", data) for data in found])


def _list_folders(call: Call) -> Any:
    contact = call.number(call.wire.lists["params"]["folder_contact_id"])
    found = [
        each.data for each in call.instance.store.list(FOLDERS) if contact is None or each.data["contact_id"] == contact
    ]
    return call.page([_shown(call, "folder", data) for data in found])


def _shown(call: Call, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return call.wire.shaped(kind, data)


def _added(call: Call, kind: str, model: type[BaseModel], add: Callable[[Any], Record]) -> Any:
    fields = {name: theirs for name, theirs in call.wire.fields[kind].items() if name != "id"}
    body = call.json()
    required(body, *(fields[name] for name, field in model.model_fields.items() if field.is_required()))
    given = call.given(body, fields)
    try:
        record = add(model.model_validate(given))
    except ValidationError as error:
        problems = [unfit("body", fields[str(each["loc"][0])], each["msg"]) for each in error.errors()]
        raise ApiError(422, problems) from error
    except LookupError as error:
        name = str(error.args[0]).partition(":")[0]
        raise ApiError(404, f"{'Profile' if 'profile' in name else 'Contact'} not found") from error
    return _shown(call, kind, record.data)
