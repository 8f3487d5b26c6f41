"""`headrace load`: what systems hold from before, brought into step beside live traffic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.cli.console import err, out
from headrace.cli.load_progress import LoadProgress
from headrace.cli.load_results import ResultFiles, expected, line_of, table_of, write_summary
from headrace.cli.load_scene import Scene, find_scene
from headrace.core.errors import HeadraceError
from headrace.pipeline.assembly import converts
from headrace.pipeline.backlog import Backlog
from headrace.pipeline.endings import Counts, Ending, Endings, tally
from headrace.pipeline.history import History, Span
from headrace.pipeline.load_keys import KeysUnusable, Linking
from headrace.pipeline.load_preview import DryRun, Rehearsal
from headrace.pipeline.load_report import report, report_topics
from headrace.pipeline.loading import Loader, LoadState, last_load
from headrace.pipeline.poll import Cursors
from headrace.pipeline.shared import Shared
from headrace.platform.lag import Lag
from headrace.platform.paths import project_root
from headrace.platform.settings import load_settings

_out, _err = out(), err()

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""
_PORTION = 50
_PROBLEMS = (Ending.CONFLICT, Ending.REJECT)


class DocumentsNotLimited(HeadraceError):
    """A load would create documents of all time; the operator limits it, or says that this is wanted."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    span: Span
    keys: Path | None
    folder: Path
    ahead: int
    limit: int
    restart: bool
    wait: bool
    documents: bool

    @property
    def span_words(self) -> list[str]:
        """The span as texts."""
        return [moment.isoformat() if moment else "" for moment in (self.span.since, self.span.until)]


def load(
    connection: Annotated[str, typer.Argument(help="Source connection.")],
    obj: Annotated[str, typer.Argument(metavar="OBJECT", help="Its object, as its mappings name it.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would happen; write nothing.")] = False,
    since: Annotated[str, typer.Option("--since", help="Only what was changed at this time or later (UTC).")] = "",
    until: Annotated[str, typer.Option("--until", help="Only what was changed before this time (UTC).")] = "",
    keys: Annotated[Path | None, typer.Option("--keys", help="CSV of records that are the same; see above.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="For the files; else build/load/CONNECTION.OBJECT.")
    ] = None,
    ahead: Annotated[
        int, typer.Option("--ahead", min=2, help="Rest while a worker is this many messages behind.")
    ] = 200,
    limit: Annotated[int, typer.Option("--limit", min=0, help="With --dry-run: stop after so many records.")] = 0,
    restart: Annotated[bool, typer.Option("--restart", help="Begin anew, instead of going on.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait until all is settled, and report.")] = True,
    documents: Annotated[
        bool, typer.Option("--documents", help="Load documents of all time, such as orders, without --since.")
    ] = False,
) -> None:
    """Load what a connection holds from before it was connected.

    Begin with --dry-run: it reads everything at the pace of the connection's budget, goes the whole way with each
    record, asks the targets, and writes nothing. A table tells how many records would be created, match one that is
    there (which is left as it is), wait for others, conflict, be skipped or rejected; a file for each tells which and
    why. Exit code 3: there are conflicts or rejects. Records of one connection that share a natural key conflict: they
    are not loaded before one of them is corrected.

    The load itself needs the workers running. It puts the records into the inbox, beside live traffic, and rests while
    a worker is behind. Killed or stopped by Ctrl-C, it goes on where it was with the same command. Repeated, it
    changes nothing. Leave the object out of `polls` until it is loaded: a first poll reads everything as well, and
    after the load it goes on where that ended.

    Load what others refer to first: organizations, then persons and products, then deals. Documents, such as orders,
    are created for everything that has none yet. Those from before the start are in the ERP already, mostly without
    our mark: limit them with --since to the day of the start, and look at the dry run's create.jsonl.

    --keys FILE.csv has the header external_id,other_connection,other_object,other_external_id: which record of OBJECT
    is which one elsewhere. It decides before natural keys do. A record that names itself is nobody else's.
    """
    options = Options(
        span=_span(since, until),
        keys=keys,
        folder=folder or project_root() / "build" / "load" / f"{connection}.{obj}",
        ahead=ahead,
        limit=limit,
        restart=restart,
        wait=wait,
        documents=documents,
    )
    settings = load_settings()
    scene = find_scene(settings, connection, obj)
    try:
        if dry_run:
            asyncio.run(_with(Rehearsal(settings), lambda shared: _rehearse(shared, scene, options)))
        else:
            asyncio.run(_with(Shared(settings, "load"), lambda shared: _load(shared, scene, options)))
    except KeyboardInterrupt:
        words = "nothing was written" if dry_run else "the same command goes on from the last page"
        _err.print(f"stopped; {words}")
        raise typer.Exit(STOPPED) from None


async def _with(shared: Any, work: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
    try:
        await shared.start(links=True)
        await work(shared)
    finally:
        await shared.stop()


# --- the dry run ---


async def _rehearse(shared: Rehearsal, scene: Scene, options: Options) -> None:
    others = list(scene.connectors) if options.keys else list(scene.targets)
    async with scene.open(shared, others):
        if converts(scene.settings, {name: scene.connectors[name] for name in scene.targets}):
            await shared.rates.start()
        counts: Counts = {}
        read = 0
        with ResultFiles(options.folder, ["keys", *(each.value for each in Ending)]) as files:
            linked = await _link(shared, scene, options, files)
            targets = {name: (scene.opened[name], entities) for name, entities in scene.targets.items()}
            dry = DryRun(shared, scene.name, scene.opened[scene.name], scene.obj, targets)
            await dry.start()
            history = History(scene.name, scene.source, scene.obj, options.span)
            with LoadProgress(_err, f"{scene.name} {scene.obj}: dry run", None) as progress:
                async for page in history.patiently(history.begin(), progress.later):
                    records = page.records[: options.limit - read] if options.limit else page.records
                    for start in range(0, len(records), _PORTION):
                        portion = records[start : start + _PORTION]
                        results = await dry.page(portion)
                        counts = tally(results, counts)
                        for result in results:
                            files.add(result.ending.value, line_of(result, scene.name))
                        read += len(portion)
                        progress.read(read)
                    if options.limit and read >= options.limit:
                        break
    if not options.limit:
        write_summary(options.folder, read, options.span_words)
    _tell_dry_run(scene, options, read, counts, linked)


def _tell_dry_run(scene: Scene, options: Options, read: int, counts: Counts, linked: list[Linking]) -> None:
    _out.print(f"{scene.name} {scene.obj}: {read} records read, nothing written")
    _out.print(table_of(counts, done=False))
    conflicts = [linking.conflict for linking in linked if linking.conflict]
    if linked:
        fresh = sum(bool(linking.links) for linking in linked)
        _out.print(
            f"keys: {fresh} would be linked, {len(linked) - fresh - len(conflicts)} are, {len(conflicts)} conflict"
        )
    for entity, target in scene.documents:
        row = counts.get((entity, target), {})
        count = row.get(Ending.CREATE, 0) + row.get(Ending.WAIT, 0)
        if count:
            _out.print(
                f"careful: {count} documents ({entity}) would be created in {target}. If it holds them already, "
                "under another number, they would be there twice: limit the load with --since"
            )
    _out.print(f"files: {options.folder}")
    if conflicts or any(row.get(ending) for row in counts.values() for ending in _PROBLEMS):
        raise typer.Exit(3)


# --- the load ---


async def _load(shared: Shared, scene: Scene, options: Options) -> None:
    cursors = Cursors(scene.settings.kafka, shared.names.cursors, shared.codec, shared.producer)
    before = None if options.restart else await last_load(cursors, scene.name, scene.obj, options.span)
    span = before.span if before else options.span
    if scene.documents and span.since is None and not options.documents:
        what = ", ".join(f"{entity} in {target}" for entity, target in scene.documents)
        raise DocumentsNotLimited(
            f"{scene.obj} becomes {what}, which is created for every record that has none with our mark: give --since, "
            "or --documents if those of all time are to be created. --dry-run tells which"
        )
    lag = Lag(scene.settings.kafka)
    await lag.start()
    try:
        async with scene.open(shared, list(scene.connectors) if options.keys else []):
            if options.keys:
                with ResultFiles(options.folder, ["keys"]) as files:
                    linked = await _link(shared, scene, options, files)
                if conflicts := [linking.conflict for linking in linked if linking.conflict]:
                    raise KeysUnusable(conflicts)
                _err.print(f"keys: {sum(bool(linking.links) for linking in linked)} linked")
            read = [name for name in scene.targets if scene.settings.connections[name].source]
            backlog = Backlog(lag, shared.names, scene.name, scene.targets, read)
            total = expected(options.folder, options.span_words)
            with LoadProgress(_err, f"{scene.name} {scene.obj}", total) as progress:
                state = before
                if state is None or state.finished_at is None:
                    topics = report_topics(shared, scene.name)
                    begin = before or LoadState(datetime.now(UTC), await lag.marks(topics), span)
                    await _warn_of_polls(cursors, scene)
                    state = await _loader(shared, scene, span, cursors, backlog, options.ahead, progress).run(begin)
                if options.wait:
                    progress.settle()
                    await backlog.settled(progress.behind)
    finally:
        await lag.stop()
    await _tell_load(shared, scene, options, state, again=state is before)


def _loader(
    shared: Shared,
    scene: Scene,
    span: Span,
    cursors: Cursors,
    backlog: Backlog,
    ahead: int,
    progress: LoadProgress,
) -> Loader:
    return Loader(
        scene.name,
        scene.obj,
        history=History(scene.name, scene.source, scene.obj, span),
        inbox=shared.inbox(scene.name),
        cursors=cursors,
        backlog=backlog,
        twins=scene.twins(shared),
        audit=shared.audit,
        ahead=ahead,
        watcher=progress,
    )


async def _warn_of_polls(cursors: Cursors, scene: Scene) -> None:
    poll = scene.settings.connections[scene.name].polls.get(scene.obj)
    if poll and (poll.seconds or poll.cron) and not await cursors.get(scene.name, scene.obj):
        _err.print(
            f"careful: connections.{scene.name}.polls has {scene.obj}, which was never polled: the first poll reads "
            "everything, too, without limits. Leave it out until the load is done"
        )


async def _tell_load(shared: Shared, scene: Scene, options: Options, state: LoadState, *, again: bool) -> None:
    finished = f"{state.finished_at:%Y-%m-%d %H:%M:%S} UTC" if state.finished_at else ""
    words = f"was loaded, finished {finished}; --restart begins anew" if again else "loaded"
    _out.print(f"{scene.name} {scene.obj}: {words}. {state.read} records read, {state.held} held back")
    if not options.wait:
        _out.print("the workers go on; the same command tells how it ended")
        return
    identities = [document.identity for document in scene.mappings]
    endings = Endings(scene.name, scene.obj, identities, scene.targets)
    results = await report(shared, scene.name, scene.obj, endings, state.marks)
    with ResultFiles(options.folder, ["result"]) as files:
        for result in results:
            files.add("result", line_of(result, scene.name))
    _out.print(table_of(tally(results), done=True))
    _out.print(f"each record: {options.folder / 'result.jsonl'}")


# --- both ---


async def _link(shared: Shared, scene: Scene, options: Options, files: ResultFiles) -> list[Linking]:
    if options.keys is None:
        return []
    keys = scene.keys(options.keys, shared)
    linked = await keys.link(await keys.check())
    for linking in linked:
        what = "conflict" if linking.conflict else "link" if linking.links else "linked"
        files.add("keys", {**asdict(linking.key), "outcome": what, "reason": linking.conflict})
    return linked


def _span(since: str, until: str) -> Span:
    span = Span(_moment("--since", since), _moment("--until", until))
    if span.since and span.until and span.since >= span.until:
        raise typer.BadParameter("--since is not before --until")
    return span


def _moment(option: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{option} {text}: give a day or a time, as 2026-11-21 or 2026-11-21T09:00:00"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
