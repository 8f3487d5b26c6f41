"""What a comparison is about, found in the configuration: the connection, its mappings, and who takes its records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import typer

from headrace.cli.systems import CONNECTORS
from headrace.core.contracts import Connection, Connector
from headrace.core.errors import ConfigurationError
from headrace.mapping.documents import InMapping, OutMapping
from headrace.pipeline.assembly import choose, poller, source_mappings, target_mappings
from headrace.pipeline.backlog import Backlog
from headrace.pipeline.files import Files
from headrace.pipeline.reconcile import Tally, Watcher
from headrace.pipeline.reconcile_run import Comparison, Settling
from headrace.pipeline.reconcile_source import SourceComparison
from headrace.pipeline.reconcile_tables import Tables
from headrace.pipeline.reconcile_target import TargetComparison
from headrace.pipeline.shared import Shared
from headrace.platform.lag import Lag
from headrace.platform.settings import Settings

_CONCURRENCY = 8
"""Calls at once to a connection that is only read: as many as most targets bear."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One connection, the objects that are compared, and every connection that takes its records.

    `certain` are objects that it must know: those that are polled, or named at the command line.
    `ins` are its in mappings, none if it is not read; `outs` its out mappings by entity, none if it is not written.
    `takers` maps each target of its records to the entities that it takes; `heard` are those that are read as well.
    """

    settings: Settings
    name: str
    connector: Connector
    objects: Sequence[str]
    certain: Sequence[str]
    ins: Sequence[InMapping]
    outs: dict[str, OutMapping]
    takers: dict[str, Sequence[str]]
    heard: Sequence[str]

    def tables(self, shared: Shared) -> Tables:
        """Return the connection's tables."""
        return Tables(self.settings.kafka, shared.names, self.name, shared.codec)

    def own_backlog(self, shared: Shared, lag: Lag) -> Backlog:
        """Return what lies before the connection's own workers."""
        own = {self.name: sorted(self.outs)} if self.outs else {}
        return Backlog(lag, shared.names, self.name if self.ins else None, own, commanded=own, attended=True)

    def whole_backlog(self, shared: Shared, lag: Lag) -> Backlog:
        """Return what lies before every worker that a repair goes through."""
        own = {self.name: sorted(self.outs)} if self.outs else {}
        source = self.name if self.ins else None
        targets = {**self.takers, **own}
        return Backlog(lag, shared.names, source, targets, self.heard, commanded=own, attended=True)

    def comparison(
        self, shared: Shared, opened: Connection, config: object, lag: Lag, tally: Tally, watcher: Watcher
    ) -> Comparison:
        """Return the comparison of the opened connection.

        Raises:
            ConfigurationError: it is configured to be read or written, and its system cannot be.
        """
        source, target, tables = None, None, self.tables(shared)
        concurrency = opened.target.limits.concurrency if opened.target is not None else _CONCURRENCY
        if self.ins:
            if opened.source is None:
                raise ConfigurationError(f"connections.{self.name} cannot be read; set source: false")
            source = SourceComparison(
                self.name,
                opened.source,
                [document for document in self.ins if document.object in self.objects],
                self.connector.transforms(config),
                links=shared.links,
                tables=tables,
                codec=shared.codec,
                files=Files(self.name, opened.source, shared.attachments, self.ins),
                certain=self.certain,
                concurrency=concurrency,
                tally=tally,
                watcher=watcher,
            )
        if self.outs:
            if opened.target is None:
                raise ConfigurationError(f"connections.{self.name} cannot be written; set target: false")
            target = TargetComparison(
                self.name,
                opened.target,
                self.outs,
                self.ins,
                links=shared.links,
                tables=tables,
                concurrency=concurrency,
                tally=tally,
                watcher=watcher,
            )
        polls = self.settings.connections[self.name].polls
        scheduled = [obj for obj, poll in polls.items() if poll.seconds or poll.cron]
        settle = Settling(
            shared,
            self.name,
            poller(shared, self.name, opened) if self.ins else None,
            scheduled,
            self.own_backlog(shared, lag),
            lag,
            watcher,
        )
        return Comparison(source, target, tally, settle)


def find_scene(settings: Settings, name: str, obj: str) -> Scene:
    """Return what a comparison is about; `obj` "" compares every object.

    Raises:
        typer.BadParameter: unknown connection or object. ConfigurationError: a mapping does not load.
    """
    if name not in settings.connections:
        raise typer.BadParameter(f"{name} is not configured; there are {', '.join(settings.connections)}")
    connectors = choose(settings, CONNECTORS, lambda each: True)
    own, connector = settings.connections[name], connectors[name]
    ins = list(source_mappings(settings, name, connector)) if own.source else []
    outs = target_mappings(settings, name, connector) if own.target else {}
    written = [step.object for document in outs.values() for step in document.steps]
    known = list(dict.fromkeys([*(document.object for document in ins), *written]))
    if obj and obj not in known:
        raise typer.BadParameter(f"no mapping of {name} reads or writes {obj}; there are {', '.join(known)}")
    entities = {document.entity for document in ins}
    takers: dict[str, Sequence[str]] = {}
    for taker, each in connectors.items():
        if taker == name or not settings.connections[taker].target:
            continue
        if taken := sorted(entities & set(target_mappings(settings, taker, each))):
            takers[taker] = taken
    heard = [each for each in (name, *takers) if settings.connections[each].source]
    objects, certain = ([obj], [obj]) if obj else (known, list(own.polls))
    return Scene(settings, name, connector, objects, certain, ins, outs, takers, heard)
