"""What a load is about, found in the configuration: the connection, its mappings, and the targets of its records."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from headrace.cli.systems import CONNECTORS
from headrace.core.contracts import Connector, Source
from headrace.core.errors import ConfigurationError
from headrace.mapping.documents import InMapping, OutMapping
from headrace.pipeline.assembly import choose, open_connection, source_mappings, target_mappings
from headrace.pipeline.load_keys import Keys, Side
from headrace.pipeline.load_preview import Opened
from headrace.pipeline.shared import Shared
from headrace.pipeline.twins import Twins
from headrace.platform.settings import Settings


@dataclass(slots=True)
class Scene:
    """One object of one connection, and every connection that takes its records."""

    settings: Settings
    name: str
    obj: str
    connectors: dict[str, Connector]
    mappings: list[InMapping]
    """Of the object."""
    targets: dict[str, Sequence[str]]
    """Target connection → the entities of the object that it takes."""
    documents: list[tuple[str, str]]
    """Entity and target of what is created once and then the target's (`on_change: review`), such as orders."""
    opened: dict[str, Opened] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        """The source of the connection, once it is open."""
        source = self.opened[self.name].connection.source
        if source is None:
            raise ConfigurationError(f"connections.{self.name} cannot be read; set source: false")
        return source

    def twins(self, shared: Shared) -> Twins:
        """Return what looks for records that share a natural key."""
        own = self.opened[self.name]
        return Twins(self.name, self.mappings, own.connector.transforms(own.config), shared.links)

    def keys(self, file: Path, shared: Shared) -> Keys:
        """Return the reader of a file of keys; every connection is open."""
        sides = {}
        for name, opened in self.opened.items():
            outs = _outs(self.settings, name, opened.connector)
            ins = source_mappings(self.settings, name, opened.connector)
            sides[name] = Side(opened.connection.source, ins, outs)
        return Keys(file, self.name, self.obj, sides, shared.links)

    @asynccontextmanager
    async def open(self, shared: Shared, names: Sequence[str]) -> AsyncIterator[None]:
        """Open connections, and close them afterwards."""
        async with AsyncExitStack() as stack:
            for name in dict.fromkeys((self.name, *names)):
                connector = self.connectors[name]
                connection, config = open_connection(self.settings, name, connector, shared.credentials)
                stack.push_async_callback(connection.close)
                self.opened[name] = Opened(connector, connection, config)
            yield


def find_scene(settings: Settings, name: str, obj: str) -> Scene:
    """Return what a load of an object is about.

    Raises:
        ConfigurationError: unknown connection, or no mapping reads the object.
    """
    connectors = choose(settings, CONNECTORS, lambda each: True)
    connector = choose(settings, CONNECTORS, lambda each: each.source, name)[name]
    documents = source_mappings(settings, name, connector)
    mappings = [document for document in documents if document.object == obj]
    if not mappings:
        known = ", ".join(sorted({document.object for document in documents}))
        raise ConfigurationError(f"{name}: no mapping reads {obj}; there are {known or 'none'}")
    entities = {document.entity for document in mappings}
    targets: dict[str, Sequence[str]] = {}
    lasting = []
    for target, each in connectors.items():
        if target == name or not settings.connections[target].target:
            continue
        taken = [document for document in _outs(settings, target, each) if document.entity in entities]
        if taken:
            targets[target] = sorted(document.entity for document in taken)
        lasting += [(document.entity, target) for document in taken if document.on_change == "review"]
    return Scene(settings, name, obj, connectors, mappings, targets, lasting)


def _outs(settings: Settings, name: str, connector: Connector) -> list[OutMapping]:
    if not settings.connections[name].target:
        return []
    return list(target_mappings(settings, name, connector).values())
