"""The control routes under /_sandbox: what tests and the demo use, and no vendor has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from headrace.sandbox.common.clock import Clock
from headrace.sandbox.common.deliveries import Deliveries
from headrace.sandbox.common.encoding import dump_bytes, load
from headrace.sandbox.common.faults import FaultBook, FaultRule
from headrace.sandbox.common.ledger import Ledger
from headrace.sandbox.common.middleware import CONTROL_PREFIX, SandboxMiddleware
from headrace.sandbox.common.requests import RequestRing
from headrace.sandbox.common.settings import SandboxSettings
from headrace.sandbox.common.store import Record, Store

# Objects and fields whose names start like this are the sandbox's own (registered secrets among them): never shown.
INTERNAL = "#"


class ControlError(Exception):
    """A control call that cannot be done; the text says what to change."""


@dataclass
class Sandbox:
    """The parts of one running sandbox, shared by its vendor routes and its control routes.

    `edit` (object, key, fields) and `remove` (object, key) are what a person does to a record in the system's own
    pages: checked like a request, told to webhooks, and None for a record that is not there. `tasks` run while the
    sandbox is served.
    """

    system: str
    store: Store
    settings: SandboxSettings
    seed: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    deliveries: Deliveries | None = None
    after_reset: Callable[[], None] = lambda: None
    edit: Callable[[str, str, Mapping[str, Any]], Mapping[str, Any] | None] = lambda object_, key, fields: None
    remove: Callable[[str, str], Mapping[str, Any] | None] = lambda object_, key: None
    tasks: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    faults: FaultBook = field(default_factory=FaultBook)
    requests: RequestRing = field(default_factory=RequestRing)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.store, self.clock.now)

    def reset(self) -> None:
        """Return to the state of a new sandbox: no records, no ledger, no faults, default settings, real time."""
        self.store.clear()
        self.faults.clear()
        self.requests.clear()
        self.clock.reset()
        self.settings.restore_defaults()
        if self.deliveries is not None:
            self.deliveries.turn(type(self.deliveries.knobs)().model_dump())
        self.after_reset()


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer with exact decimals."""
    return Response(dump_bytes(value), status, dict(headers or {}), "application/json")


def build_application(sandbox: Sandbox, routes: Sequence[BaseRoute], control: Sequence[Route] = ()) -> Starlette:
    """Return the application: control routes, vendor routes, fault middleware; it closes the store at the end."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        runs = [*sandbox.tasks, *([sandbox.deliveries.run] if sandbox.deliveries else [])]
        workers = [asyncio.create_task(run()) for run in runs]
        try:
            yield
        finally:
            for worker in workers:
                worker.cancel()
                with suppress(asyncio.CancelledError):
                    await worker
            sandbox.store.close()

    middleware = [
        Middleware(SandboxMiddleware, faults=sandbox.faults, requests=sandbox.requests, now=sandbox.clock.now)
    ]
    application = Starlette(
        routes=[Mount(CONTROL_PREFIX, routes=[*control_routes(sandbox), *control]), *routes],
        middleware=middleware,
        lifespan=lifespan,
    )
    application.state.sandbox = sandbox
    return application


def control_route(path: str, method: str, action: Callable[[Request, Any], Any]) -> Route:
    """Return a route below /_sandbox that calls `action(request, body)` and answers its result as JSON.

    A ControlError or a validation error becomes a 400 with its text, a None result a 404.
    """

    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        try:
            result = action(request, load(raw) if raw else {})
            if isinstance(result, Awaitable):
                result = await result
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            return json_response({"error": problems}, 400)
        except (ControlError, ValueError) as error:
            return json_response({"error": str(error)}, 400)
        return json_response({"error": "not found"}, 404) if result is None else json_response(result)

    return Route(path, endpoint, methods=[method])


def control_routes(sandbox: Sandbox) -> list[Route]:
    """Return the routes that all sandboxes have."""
    store, ledger, faults = sandbox.store, sandbox.ledger, sandbox.faults

    def reset(request: Request, body: Any) -> Any:
        sandbox.reset()
        return {"status": "ok"}

    def read_ledger(request: Request, body: Any) -> Any:
        limit = _number(request, "limit", 1000)
        entries = ledger.entries(_number(request, "after", 0), request.query_params.get("object"), limit)
        return {"entries": entries, "last": ledger.last()}

    def read_record(request: Request, body: Any) -> Any:
        object_ = request.path_params["object"]
        record = None if object_.startswith(INTERNAL) else store.get(object_, request.path_params["key"])
        return None if record is None else _shown(record)

    def read_records(request: Request, body: Any) -> Any:
        object_ = request.path_params["object"]
        return {"records": [] if object_.startswith(INTERNAL) else [_shown(record) for record in store.list(object_)]}

    def edit_record(request: Request, body: Any) -> Any:
        return sandbox.edit(request.path_params["object"], request.path_params["key"], body)

    def remove_record(request: Request, body: Any) -> Any:
        return sandbox.remove(request.path_params["object"], request.path_params["key"])

    def count_records(request: Request, body: Any) -> Any:
        return {name: count for name, count in store.objects().items() if not name.startswith(INTERNAL)}

    def clear_faults(request: Request, body: Any) -> Any:
        faults.clear()
        return {"status": "ok"}

    def change_settings(request: Request, body: Any) -> Any:
        sandbox.settings.change(body)
        return sandbox.settings.model_dump()

    def move_clock(request: Request, body: Any) -> Any:
        return {"now": sandbox.clock.advance(float(body.get("advance_seconds", 0)))}

    routes = [
        control_route("/health", "GET", lambda r, b: {"status": "ok", "system": sandbox.system}),
        control_route("/seed", "POST", lambda r, b: sandbox.seed(b)),
        control_route("/reset", "POST", reset),
        control_route("/ledger", "GET", read_ledger),
        control_route("/records", "GET", count_records),
        control_route("/records/{object}", "GET", read_records),
        control_route("/records/{object}/{key:path}", "GET", read_record),
        control_route("/records/{object}/{key:path}", "PATCH", edit_record),
        control_route("/records/{object}/{key:path}", "DELETE", remove_record),
        control_route("/faults", "POST", lambda r, b: {"id": faults.add(FaultRule.model_validate(b))}),
        control_route("/faults", "GET", lambda r, b: {"faults": faults.describe()}),
        control_route("/faults", "DELETE", clear_faults),
        control_route("/clock", "POST", move_clock),
        control_route("/requests", "GET", lambda r, b: {"requests": sandbox.requests.entries(_number(r, "after", 0))}),
        control_route("/settings", "POST", change_settings),
        control_route("/settings", "GET", lambda r, b: sandbox.settings.model_dump()),
    ]
    return routes if sandbox.deliveries is None else [*routes, *_delivery_routes(sandbox.deliveries)]


def _delivery_routes(deliveries: Deliveries) -> list[Route]:
    def read_log(request: Request, body: Any) -> Any:
        state = request.query_params.get("state")
        return {"deliveries": deliveries.log(_number(request, "after", 0), _number(request, "limit", 1000), state)}

    def resend(request: Request, body: Any) -> Any:
        return {"status": "ok"} if deliveries.resend(request.path_params["id"]) else None

    return [
        control_route("/webhooks", "POST", lambda r, b: deliveries.turn(b).model_dump()),
        control_route("/webhooks", "GET", lambda r, b: deliveries.knobs.model_dump()),
        control_route("/deliveries", "GET", read_log),
        control_route("/deliveries/{id}/resend", "POST", resend),
    ]


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError:
        raise ControlError(f"{name}={text!r} is not a whole number") from None


def _shown(record: Record) -> dict[str, Any]:
    return {
        "object": record.object,
        "key": record.key,
        "data": {name: value for name, value in record.data.items() if not name.startswith(INTERNAL)},
        "version": record.version,
        "modified_at": record.modified_at,
    }
