"""`headrace pipedrive`: what only Pipedrive needs. Each command has a module of its own."""

from __future__ import annotations

import typer

from headrace.cli import pipedrive_authorize, pipedrive_webhooks

app = typer.Typer(
    help="What only Pipedrive needs: its webhooks, its sign-in.", no_args_is_help=True, pretty_exceptions_enable=False
)
app.command("authorize")(pipedrive_authorize.authorize)
app.add_typer(pipedrive_webhooks.app, name="webhooks")
