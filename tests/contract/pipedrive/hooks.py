"""Subscriptions to the sandbox's webhooks."""

from headrace.testing.serving import Receiver
from tests.contract.pipedrive.world import World

USER, PASSWORD = "hook", "hook-password-1"


async def subscribe(sandbox: World, hook: Receiver, version: str) -> None:
    body = {"subscription_url": hook.url, "event_action": "*", "event_object": "*", "name": f"v{version}"}
    body |= {"version": version, "http_auth_user": USER, "http_auth_password": PASSWORD}
    await sandbox.call("POST", "/api/v1/webhooks", **body)
