"""`headrace reconcile`: does each record say what was told of it, and hold what was written to it?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from headrace.cli.console import err, out
from headrace.cli.operate import send_command
from headrace.cli.reconcile_progress import ReconcileProgress
from headrace.cli.reconcile_results import as_json, line_of, table_of, words_of
from headrace.cli.reconcile_scene import Scene, find_scene
from headrace.core.errors import ConfigurationError, HeadraceError
from headrace.pipeline.assembly import open_connection
from headrace.pipeline.inbox import Delivery
from headrace.pipeline.reconcile import Tally
from headrace.pipeline.reconcile_repair import RECONCILE, Repair, plan
from headrace.pipeline.shared import Shared
from headrace.platform.lag import Lag
from headrace.platform.settings import load_settings

_out, _err = out(), err()

DIFFERS, NOT_FINISHED, STOPPED = 1, 3, 130
"""Exit codes: something differs; it could not be brought to its end; Ctrl-C, as shells have it."""


def reconcile(
    connection: Annotated[str, typer.Argument(help="Connection.")],
    obj: Annotated[str, typer.Argument(metavar="[OBJECT]", help="One of its objects; without it all.")] = "",
    repair: Annotated[bool, typer.Option("--repair", help="Ask for what mends the differences.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="With --repair: wait until that is done, then compare what differed again.")
    ] = False,
    show: Annotated[int, typer.Option("--show", min=0, help="List so many differences.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="All of it as one JSON object, for scripts.")] = False,
) -> None:
    """Compare all records of a connection with what Headrace knows, in both directions; no system is written to.

    From it: what its records say is compared with what was told of them. To it: what was written is compared with what
    its records hold, in the fields that were written. What differs is looked at again after its polls, and once the
    workers are through with what was on its way: live traffic is no difference.

    --repair has records read anew whose source can tell; then the rules of ownership decide. Of other records the
    processor takes the last event up again. Documents that are gone are not created a second time: they are listed.

    Exit code 0: all is the same. 1: something differs, and with --repair --wait still does. 2: wrong usage. 3: it could
    not be finished; the text says why.
    """
    if wait and not repair:
        raise typer.BadParameter("--wait waits for a repair: give --repair, too")
    scene = find_scene(load_settings(), connection, obj)
    try:
        tally, asked = asyncio.run(_reconcile(scene, repair, wait))
    except KeyboardInterrupt:
        _err.print("stopped")
        raise typer.Exit(STOPPED) from None
    except ConfigurationError:
        raise
    except (HeadraceError, KafkaError) as error:
        _err.print(f"{connection}: could not be finished: {error}")
        raise typer.Exit(NOT_FINISHED) from None
    if json:
        typer.echo(as_json(connection, tally.counts, tally.differences, asked))
    else:
        _tell(tally, asked, show)
    if tally.differences:
        raise typer.Exit(DIFFERS)


def _tell(tally: Tally, asked: Repair | None, show: int) -> None:
    _out.print(table_of(tally.counts))
    for finding in tally.differences[:show]:
        _out.print(line_of(finding), markup=False)
    if len(tally.differences) > show:
        _out.print(f"… and {len(tally.differences) - show} more; --show N or --json lists them")
    for line in words_of(asked) if asked is not None else ():
        _out.print(line, markup=False)


async def _reconcile(scene: Scene, repair: bool, wait: bool) -> tuple[Tally, Repair | None]:
    tally, asked = Tally(), None
    async with _connected(scene) as (shared, lag):
        opened, config = open_connection(scene.settings, scene.name, scene.connector, shared.credentials)
        try:
            with ReconcileProgress(_err, scene.name) as progress:
                comparison = scene.comparison(shared, opened, config, lag, tally, progress)
                await comparison.run(scene.objects)
                if repair and tally.differences:
                    asked = await plan(tally.differences, scene.tables(shared), scene.ins, scene.outs)
                    await _ask(shared, scene, asked)
                    if wait:
                        await scene.whole_backlog(shared, lag).settled(progress.behind)
                        await comparison.again()
        finally:
            await opened.close()
    return tally, asked


async def _ask(shared: Shared, scene: Scene, repair: Repair) -> None:
    inbox = shared.inbox(scene.name)
    for ref in repair.reads:
        await inbox.put(Delivery(scene.name, ref, RECONCILE))
    for command in repair.commands:
        reason = "differs from what was written"
        await send_command(
            shared, scene.name, command.canonical_id, "repair", command.argument, reason, command.event_id
        )


@asynccontextmanager
async def _connected(scene: Scene) -> AsyncIterator[tuple[Shared, Lag]]:
    shared, lag = Shared(scene.settings, "reconcile"), Lag(scene.settings.kafka)
    try:
        await shared.start(links=True)
        await lag.start()
        try:
            yield shared, lag
        finally:
            await lag.stop()
    finally:
        await shared.stop()
