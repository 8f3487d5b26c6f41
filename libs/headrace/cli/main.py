"""`headrace`: the command line of developers and operators."""

from __future__ import annotations

import sys

import typer
from aiokafka.errors import KafkaError
from rich.console import Console

from headrace.cli import (
    credentials,
    dataverse,
    load,
    mapping,
    operate,
    ping,
    pipedrive,
    poll,
    preview,
    reconcile,
    review,
    schemas,
    stack,
    topics,
    trace,
)
from headrace.cli.demo import command as demo
from headrace.core.errors import ConfigurationError, HeadraceError, RetryLater
from headrace.platform.logging import configure

app = typer.Typer(
    help="Headrace keeps Dynamics and the systems around it in step.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(stack.app, name="stack")
app.add_typer(topics.app, name="topics")
app.add_typer(schemas.app, name="schemas")
mapping.app.command("preview")(preview.preview)
app.add_typer(mapping.app, name="mapping")
app.command("trace")(trace.trace)
app.command("parked")(operate.parked)
app.command("retry")(operate.retry)
app.command("edit")(operate.edit)
app.command("skip")(operate.skip)
app.command("resolve")(operate.resolve)
app.add_typer(review.app, name="review")
app.command("poll")(poll.poll)
app.command("load")(load.load)
app.command("reconcile")(reconcile.reconcile)
app.command("ping")(ping.ping)
app.add_typer(credentials.app, name="credentials")
app.add_typer(dataverse.app, name="dataverse")
app.add_typer(pipedrive.app, name="pipedrive")
app.command("demo")(demo.demo)
app.command("demo-down")(demo.down)


def main() -> None:
    """Run the command line; known errors are told in one line each, without a trace."""
    configure("headrace", "WARNING")
    error_console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    try:
        app()
    except ConfigurationError as error:
        for problem in error.problems:
            error_console.print(problem)
        sys.exit(78)
    except RetryLater as error:
        error_console.print(f"not now: {error.reason}")
        sys.exit(75)
    except HeadraceError as error:
        error_console.print(str(error))
        sys.exit(1)
    except KafkaError as error:
        error_console.print(f"Kafka: {error}. Is it running, and is kafka.bootstrap right?")
        sys.exit(75)


if __name__ == "__main__":
    main()
