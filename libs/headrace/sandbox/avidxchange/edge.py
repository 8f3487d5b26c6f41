"""The edge between the wire and the usual names: applies `renames` to requests on their way in and answers out.

A usual name that is renamed is unknown on the wire, so that a client which still sends it fails as it would there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from headrace.sandbox.avidxchange.settings import AvidSettings, Renames

UNKNOWN = "?"
"""Before a usual field name that the wire no longer knows."""
_LINKS = ("Href", "ImageUrl")
_SLOT = "{}"


class Edge:
    """Renames of one sandbox, read anew from its settings with each call."""

    def __init__(self, settings: AvidSettings) -> None:
        self._settings = settings

    @property
    def _renames(self) -> Renames:
        return self._settings.renames

    def header(self, headers: Mapping[str, str], name: str) -> str:
        """Return the value of a header by its usual name, "" if it was not sent."""
        others = {usual.casefold(): other for usual, other in self._renames.headers.items()}
        return headers.get(others.get(name.casefold(), name), "")

    def path_in(self, path: str) -> str | None:
        """Return the usual form of a path on the wire, None for one that the wire does not know."""
        moved = [_moved(path, other, usual) for usual, other in _longest(self._renames.paths, value=True)]
        candidates = [*moved, path]
        return next((usual for usual in candidates if usual is not None and self.path_out(usual) == path), None)

    def path_out(self, path: str) -> str:
        """Return the form of a usual path on the wire."""
        for usual, other in _longest(self._renames.paths):
            moved = _moved(path, usual, other)
            if moved is not None:
                return moved
        return path

    def parameters_in(self, query: bytes) -> dict[str, str]:
        """Return query parameters by usual name; repeated ones are joined by commas."""
        given: dict[str, str] = {}
        for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
            given[name] = f"{given[name]},{value}" if name in given else value
        return {name: value for name, value in _in(given, self._renames.parameters).items() if name[0:1] != UNKNOWN}

    def body_in(self, value: Any, path: str) -> Any:
        """Return a request's body with usual field names; a usual name that was renamed away starts with `?`."""
        renames = self._fields(path)
        return _walk(value, lambda each: _in(each, renames)) if renames else value

    def body_out(self, value: Any, path: str) -> Any:
        """Return an answer's body with the wire's field names and links."""
        renames = self._fields(path)
        moves = self._renames.paths or self._renames.parameters

        def renamed(each: Mapping[str, Any]) -> dict[str, Any]:
            return {
                renames.get(name, name): self._link(held) if moves and name in _LINKS and held else held
                for name, held in each.items()
            }

        return _walk(value, renamed) if renames or moves else value

    def _fields(self, path: str) -> dict[str, str]:
        scope = next(iter(path.removeprefix("/v1/").split("/")), "")
        everywhere = {usual: other for usual, other in self._renames.fields.items() if "." not in usual}
        own = {
            usual.partition(".")[2]: other
            for usual, other in self._renames.fields.items()
            if usual.partition(".")[0] == scope and "." in usual
        }
        return everywhere | own

    def _link(self, link: str) -> str:
        parts = urlsplit(link)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        query = urlencode([(self._renames.parameters.get(name, name), value) for name, value in pairs])
        return urlunsplit(parts._replace(path=self.path_out(parts.path), query=query))


def _in(given: Mapping[str, Any], renames: Mapping[str, str]) -> dict[str, Any]:
    usual_names = {other: usual for usual, other in renames.items()}
    return {
        usual_names.get(name, f"{UNKNOWN}{name}" if name in renames else name): value for name, value in given.items()
    }


def _walk(value: Any, rename: Any) -> Any:
    if isinstance(value, list):
        return [_walk(each, rename) for each in value]
    if isinstance(value, Mapping):
        return {name: _walk(each, rename) for name, each in rename(value).items()}
    return value


def _longest(paths: Mapping[str, str], *, value: bool = False) -> list[tuple[str, str]]:
    return sorted(paths.items(), key=lambda pair: len(pair[value]), reverse=True)


def _moved(path: str, source: str, target: str) -> str | None:
    """Return a path whose beginning is `source` with `target` in its place, None if it begins differently."""
    pattern = "([^/]+)".join(re.escape(part) for part in source.split(_SLOT))
    match = re.match(rf"{pattern}(?=/|$)", path)
    if match is None:
        return None
    values = iter(match.groups())
    filled = "".join(part + (next(values, "") if more else "") for part, more in _parts(target))
    return filled + path[match.end() :]


def _parts(target: str) -> list[tuple[str, bool]]:
    pieces = target.split(_SLOT)
    return [(piece, position < len(pieces) - 1) for position, piece in enumerate(pieces)]


def query_text(parameters: Mapping[str, Any]) -> str:
    """Return parameters as a link carries them."""
    return urlencode(parameters, quote_via=quote, safe=",:")
