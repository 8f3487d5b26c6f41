"""Lines of `headrace ping` about fields: what mappings read and write is there, of that type, and may be written.

From `/metadata/PublicEntities`, which is a fraction of `$metadata`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from headrace.connectors.dynamics_fo.client import ODataClient
from headrace.connectors.dynamics_fo.config import DynamicsFoConfig
from headrace.connectors.dynamics_fo.objects import COMPANY, ENTITY_SETS
from headrace.core.contracts import Check, CheckState
from headrace.core.errors import HeadraceError
from headrace.core.needs import FieldNeed, Needs

_WORDS: Mapping[str, frozenset[str]] = {
    "String": frozenset({"string"}),
    "Enum": frozenset({"string", "boolean"}),
    "Real": frozenset({"decimal"}),
    "Integer": frozenset({"integer", "decimal"}),
    "Int64": frozenset({"integer", "decimal"}),
    "Date": frozenset({"date", "datetime"}),
    "UtcDateTime": frozenset({"date", "datetime"}),
    "Container": frozenset({"object"}),
}
"""AX type → type words of what may be read from it or written to it."""


async def fields(config: DynamicsFoConfig, client: ODataClient, needs: Needs) -> list[Check]:
    """Return a line for each object that mappings use, or one for each field of it that is not right."""
    lines: list[Check] = []
    for name in ENTITY_SETS:
        used = [each for each in needs.of(name) if _is_real(name, each.name)]
        if not used:
            continue
        title = f"fields of {name}"
        try:
            described = await client.public_entity(entity_type(name))
        except HeadraceError as error:
            lines.append(Check(title, CheckState.WARN, f"cannot be looked at: {error}", _BY_HAND))
            continue
        if described is None:
            text = f"the environment's metadata describes no {entity_type(name)}"
            lines.append(Check(title, CheckState.WARN, text, _BY_HAND))
            continue
        known = {str(each["Name"]): each for each in described.get("Properties") or ()}
        wrong = [each for need in used if (each := _of_field(config, name, need, known.get(need.name))) is not None]
        there = f"{len({each.name for each in used})} that mappings use are there"
        lines += wrong or [Check(title, CheckState.PASS, there)]
        lines += _required(name, used, known)
    return lines


def entity_type(name: str) -> str:
    """Return the type under which the metadata describes a set: CustomersV3 → CustomerV3, …BiEntities → …BiEntity."""
    return re.sub(r"s(V\d+)?$", r"\1", re.sub(r"ies$", "ys", name))


_BY_HAND = "Compare the mappings with the environment's $metadata by hand."


def _required(name: str, used: list[FieldNeed], known: Mapping[str, Mapping[str, Any]]) -> list[Check]:
    """Return a line about what the environment asks for and no mapping writes; defaults may fill it."""
    written = {need.name for need in used if need.writes}
    lacking = [each for each, about in known.items() if about.get("IsMandatory") and each not in (*written, COMPANY)]
    if not written or not lacking or not ENTITY_SETS[name].creatable:
        return []
    text = f"the environment requires {', '.join(lacking)}, which no mapping writes"
    remedy = "Write it in the mapping, unless a default of the environment does."
    return [Check(f"required fields of {name}", CheckState.WARN, text, remedy)]


def _of_field(config: DynamicsFoConfig, name: str, need: FieldNeed, about: Mapping[str, Any] | None) -> Check | None:
    title, place = f"field {name}.{need.name}", f"named in {need.where}"
    if about is None:
        if not need.writes and need.name in config.absent_fields.get(name, []):
            return None
        remedy = "Take it out of the mapping." if need.writes else f"List it under absent_fields: {name}."
        return Check(title, CheckState.FAIL, f"this version lacks it ({place})", remedy)
    words = _WORDS.get(str(about.get("DataType")))
    if words is not None and need.types is not None and not need.types & words:
        text = f"is of type {about['DataType']} here, the mapping means {', '.join(sorted(need.types))} ({place})"
        return Check(title, CheckState.FAIL, text, "Change the mapping; the connector knows another version.")
    if need.writes and about.get("AllowEditOnCreate") is False and about.get("AllowEdit") is False:
        return Check(title, CheckState.FAIL, f"cannot be written here ({place})", "Take it out of the mapping.")
    return None


def _is_real(name: str, field: str) -> bool:
    entity_set = ENTITY_SETS[name]
    return field not in (entity_set.pseudo or {}) and field.partition("[")[0].partition(".")[0] not in entity_set.lists
