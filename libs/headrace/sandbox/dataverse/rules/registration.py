"""What the service checks when a webhook is registered."""

from __future__ import annotations

from urllib.parse import urlsplit

from headrace.sandbox.dataverse.contexts import Draft
from headrace.sandbox.dataverse.errors import ServiceError, refused
from headrace.sandbox.dataverse.rules.work import Work
from headrace.sandbox.dataverse.tables.webhooks import FILTER, KEPT_APART, MESSAGE, WEBHOOK

_BAD_ENDPOINT = "0x80050205"
_PORTS = {"http": 80, "https": 443}


def check_endpoint(work: Work, draft: Draft, key: str) -> None:
    """Check the address of a webhook, and keep its secret where nothing shows it.

    Raises:
        ServiceError: not an address, or at a port that the service does not call.
    """
    if "authvalue" in draft.supplied:
        draft.values[KEPT_APART] = draft.values.pop("authvalue")
    if draft.values.get("contract") != WEBHOOK:
        return
    parts = urlsplit(str(draft.values.get("url", "")))
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ServiceError(400, _BAD_ENDPOINT, "The webhook's url must be an absolute http or https address.")
    if work.settings.webhook_ports == "80_443" and (parts.port or _PORTS[parts.scheme]) != _PORTS[parts.scheme]:
        raise ServiceError(
            400, _BAD_ENDPOINT, "Only ports 80 for HTTP and 443 for HTTPS are supported for webhook endpoints."
        )


def check_step(work: Work, draft: Draft, key: str) -> None:
    """Check that message, filter, stage and columns of a step fit together.

    Raises:
        ServiceError: they do not.
    """
    values = draft.values
    message = work.store.get(MESSAGE, str(values.get("sdkmessageid", "")))
    if message is None:
        raise refused("SdkMessageId is required for a processing step.")
    found = work.store.get(FILTER, str(values.get("sdkmessagefilterid", "")))
    if found is not None and found.data.get("sdkmessageid") != message.key:
        raise refused("Message filter does not belong to the message of the step.")
    if values.get("mode") == 1 and values.get("stage") != 40:
        raise refused("Asynchronous plug-ins can only be registered in the post-operation stage.")
    columns = [each.strip() for each in str(values.get("filteringattributes") or "").split(",") if each.strip()]
    if columns and message.data["name"] != "Update":
        raise refused("Filtering attributes can be given for the message Update only.")
    table = work.schema.table(str(found.data.get("primaryobjecttypecode"))) if found else None
    unknown = [name for name in columns if table is not None and name not in table.by_name]
    if unknown:
        raise refused(f"Filtering attributes {', '.join(unknown)} are not columns of the table.")
