"""The objects with the full set of operations in v2: how they are listed, made, changed and what that costs.

Source: path and parameter lists of the v2 OpenAPI file; `x-token-cost` there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from headrace.sandbox.pipedrive import catalog, contacts, deals
from headrace.sandbox.pipedrive.account import Account, Caller, Data

New = Callable[[Account, Caller, Data, list[str]], Data]
Changed = Callable[[Account, Caller, Data, Data, list[str]], Data]


@dataclass(frozen=True, slots=True)
class Resource:
    """One object of v2, and of the deprecated v1 twin."""

    object: str
    path: str
    new: New
    changed: Changed
    filters: tuple[str, ...]
    sort_by: tuple[str, ...]
    scope: tuple[str, ...]
    created: int = 200
    since: bool = True
    until: bool = True
    custom: bool = False
    include: bool = True
    labels: bool = False
    list_cost: int = 10
    admin: bool = False


_TIMES = ("id", "update_time", "add_time")
_DEAL_FILTERS = ("filter_id", "ids", "owner_id", "person_id", "org_id", "pipeline_id", "stage_id", "status")

RESOURCES: Mapping[str, Resource] = {
    resource.object: resource
    for resource in (
        Resource(
            "deal",
            "deals",
            deals.new_deal,
            deals.changed_deal,
            _DEAL_FILTERS,
            _TIMES,
            ("deals",),
            custom=True,
            labels=True,
        ),
        Resource(
            "person",
            "persons",
            contacts.new_person,
            contacts.changed_person,
            ("filter_id", "ids", "owner_id", "org_id", "deal_id"),
            _TIMES,
            ("contacts",),
            custom=True,
            labels=True,
        ),
        Resource(
            "organization",
            "organizations",
            contacts.new_organization,
            contacts.changed_organization,
            ("filter_id", "ids", "owner_id"),
            _TIMES,
            ("contacts",),
            custom=True,
            labels=True,
        ),
        Resource(
            "product",
            "products",
            catalog.new_product,
            catalog.changed_product,
            ("filter_id", "ids", "owner_id"),
            ("id", "name", "add_time", "update_time"),
            ("products",),
            created=201,
            until=False,
            custom=True,
            include=False,
        ),
        Resource(
            "activity",
            "activities",
            catalog.new_activity,
            catalog.changed_activity,
            ("filter_id", "ids", "owner_id", "deal_id", "lead_id", "person_id", "org_id", "done"),
            (*_TIMES, "due_date"),
            ("activities",),
        ),
        Resource(
            "pipeline",
            "pipelines",
            catalog.new_pipeline,
            catalog.changed_plain,
            (),
            _TIMES,
            ("admin", "deals"),
            since=False,
            until=False,
            include=False,
            list_cost=5,
            admin=True,
        ),
        Resource(
            "stage",
            "stages",
            catalog.new_stage,
            catalog.changed_plain,
            ("pipeline_id",),
            (*_TIMES, "order_nr"),
            ("admin", "deals"),
            since=False,
            until=False,
            include=False,
            list_cost=5,
            admin=True,
        ),
    )
}
