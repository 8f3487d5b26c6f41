"""`headrace dataverse`: what only Dataverse needs. Each command has a module of its own."""

from __future__ import annotations

import typer

from headrace.cli import dataverse_webhooks

app = typer.Typer(help="What only Dataverse needs: its webhooks.", no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(dataverse_webhooks.app, name="webhooks")
