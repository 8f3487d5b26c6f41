"""What configuration says of ownership and routes, checked against entities, fields and connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headrace.core.errors import ConfigurationError
from headrace.core.ownership import ALL_FIELDS, LATEST, REVIEW, Ownership, Rule
from headrace.core.spelling import closest
from headrace.pipeline.deciding import Accepts, Routes
from headrace.platform.schemas import Schemas
from headrace.platform.settings import Settings
from headrace.platform.topics import ENTITIES


def ownership(settings: Settings, schemas: Schemas) -> Mapping[str, Ownership]:
    """Return the rules of each entity that has any.

    Raises:
        ConfigurationError: every unknown entity, field or connection at once, with the closest right name.
    """
    problems = list(_problems(settings, schemas))
    if problems:
        raise ConfigurationError(problems)
    return {
        entity: Ownership({field: Rule.parse(rule) for field, rule in rules.items()})
        for entity, rules in settings.ownership.items()
    }


def routes(settings: Settings, name: str) -> Routes:
    """Return what a target takes of each entity.

    Raises:
        ConfigurationError: an unknown entity or connection.
    """
    found: dict[str, Accepts] = {}
    problems: list[str] = []
    for entity, accepts in settings.connections[name].accepts.items():
        where = f"connections.{name}.accepts.{entity}"
        problems += _entity(entity, where)
        problems += [
            problem for other in accepts.connections for problem in _connection(settings, other, f"{where}.connections")
        ]
        companies = frozenset(company.casefold() for company in accepts.legal_entities)
        found[entity] = Accepts(frozenset(accepts.connections), companies)
    if problems:
        raise ConfigurationError(problems)
    return found


def _problems(settings: Settings, schemas: Schemas) -> Iterator[str]:
    for entity, rules in settings.ownership.items():
        where = f"ownership.{entity}"
        unknown = list(_entity(entity, where))
        yield from unknown
        known = [] if unknown else [name for name in schemas.entity_fields(entity) if "." not in name]
        for field, value in rules.items():
            if known and field != ALL_FIELDS and field not in known:
                yield f"{where}: {entity} has no field {field}{closest(field, known)}"
            rule = Rule.parse(value)
            if not rule.kind and not rule.owners:
                yield f"{where}.{field}: name a connection, several in order, {LATEST} or {REVIEW}"
            for owner in rule.owners:
                yield from _connection(settings, owner.partition("/")[0], f"{where}.{field}")


def _entity(entity: str, where: str) -> Iterator[str]:
    if entity not in ENTITIES:
        yield f"{where}: there is no entity {entity}{closest(entity, list(ENTITIES))}"


def _connection(settings: Settings, name: str, where: str) -> Iterator[str]:
    if name not in settings.connections:
        yield f"{where}: there is no connection {name}{closest(name, list(settings.connections))}"
