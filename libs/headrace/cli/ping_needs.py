"""What the mappings of a deployment need of a connection, for `headrace ping`; and whether they pass their check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.core.contracts import Check, CheckState, Connector
from headrace.core.errors import ConfigurationError
from headrace.core.needs import FieldNeed
from headrace.mapping.checking import check
from headrace.mapping.loading import MappingDocument
from headrace.mapping.needs import System, companies_of, needs_of
from headrace.pipeline.assembly import source_mappings, target_mappings
from headrace.platform.paths import schemas_dir
from headrace.platform.schemas import Schemas
from headrace.platform.settings import Settings

_CHECK = "Run: headrace mapping check"


def fields(
    settings: Settings, name: str, connector: Connector, connectors: Sequence[Connector]
) -> tuple[list[FieldNeed], Check]:
    """Return what the mappings of a connection use of it, and the line about the mappings themselves.

    A mapping with problems is left out of the first and told in the second; a mapping out of what no other connection
    tells is left out of both: nothing of it is ever written.
    """
    try:
        documents = _documents(settings, name, connector, {each.system: each for each in connectors})
        schemas = Schemas(schemas_dir())
        entities = {each.entity: schemas.entity_fields(each.entity) for each in documents}
    except ConfigurationError as error:
        return [], Check("mappings", CheckState.FAIL, "; ".join(error.problems), _CHECK)
    system = System(entities, connector.objects, connector.transforms(None))
    problems, right = [], []
    for document in documents:
        found = check(document, entities[document.entity], connector.objects, system.transforms)
        problems += [str(problem) for problem in found]
        right += [] if found else [document]
    if problems:
        line = Check("mappings", CheckState.FAIL, "; ".join(problems), _CHECK)
    elif documents:
        line = Check("mappings", CheckState.PASS, f"{len(documents)} checked")
    else:
        line = Check("mappings", CheckState.WARN, "there are none: nothing is read or written", "Write some.")
    return needs_of(right, system), line


def companies(settings: Settings, connectors: Sequence[Connector]) -> dict[str, str]:
    """Return the legal entities that the inward mappings of all source connections name, each with its place."""
    systems = {connector.system: connector for connector in connectors}
    found: dict[str, str] = {}
    for name, connection in settings.connections.items():
        if connection.source and connection.system in systems:
            try:
                documents = source_mappings(settings, name, systems[connection.system])
            except ConfigurationError:
                continue  # told where that connection's own mappings are
            found |= {company: where for company, where in companies_of(documents).items() if company not in found}
    return found


def _documents(
    settings: Settings, name: str, connector: Connector, systems: Mapping[str, Connector]
) -> list[MappingDocument]:
    connection = settings.connections[name]
    inward = source_mappings(settings, name, connector) if connection.source else []
    outward = target_mappings(settings, name, connector).values() if connection.target else []
    told = {
        document.entity
        for other, each in settings.connections.items()
        if other != name and each.source and each.system in systems
        for document in source_mappings(settings, other, systems[each.system])
    }
    return [*inward, *(document for document in outward if document.entity in told)]
