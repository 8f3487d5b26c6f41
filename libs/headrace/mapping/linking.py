"""The two verbs that name other records: `reference` on the way in, `link` on the way out."""

from __future__ import annotations

from typing import Any

from headrace.core.errors import RejectRecord
from headrace.core.refs import decode_key
from headrace.mapping import expressions as ex
from headrace.mapping.compiling import COMPILERS, Scope, compile_expression, compile_fields, compile_path, reject
from headrace.mapping.running import Evaluate, Missing, Reference, Run
from headrace.mapping.values import ABSENT, UNLINKED, is_empty, shown, to_text
from headrace.mapping.words import words


def _reference(expression: ex.ReferenceTo, scope: Scope) -> Evaluate:
    arguments = expression.reference
    entity, obj = arguments.entity, arguments.identity or arguments.object
    key = compile_expression(arguments.id, scope.inside("id"))
    name = _text_of(arguments.name, scope.inside("name"))
    number = _text_of(arguments.number, scope.inside("number"))
    email = _text_of(arguments.email, scope.inside("email"))
    tax_number = _text_of(arguments.tax_number, scope.inside("tax_number"))
    source = words(arguments.id)

    def reference(item: Any, run: Run) -> Any:
        found = key(item, run)
        if is_empty(found):
            return None if isinstance(found, str) else found
        try:
            external_id = to_text(found)
        except ValueError as error:
            raise reject(scope.where, source, found, error) from None
        context = run.context
        made = Reference(
            entity,
            context.connection,
            obj,
            external_id,
            context.canonical_id(entity, obj, external_id),
            name(item, run),
            number(item, run),
            email(item, run),
            tax_number(item, run),
        )
        run.references.append(made)
        return made.as_data()

    return reference


def _text_of(expression: ex.Verb | None, scope: Scope) -> Evaluate:
    if expression is None:
        return lambda item, run: None
    evaluate, source = compile_expression(expression, scope), words(expression)

    def text(item: Any, run: Run) -> Any:
        value = evaluate(item, run)
        if value.__class__ is str:
            return value
        if is_empty(value):
            return None
        try:
            return to_text(value)
        except ValueError as error:
            raise reject(scope.where, source, value, error) from None

    return text


def _link(expression: ex.Link, scope: Scope) -> Evaluate:
    arguments = expression.link
    obj, part, fact, source = arguments.object, arguments.part, arguments.fact, arguments.to.text
    get = compile_path(arguments.to, scope)
    company = _text_of(arguments.scope, scope.inside("scope"))
    keys = tuple(compile_fields(key, scope) for _, key in arguments.keys)
    where, absolute = scope.where, arguments.to.absolute

    def link(item: Any, run: Run) -> Any:
        target = get(item, run)
        if target is None or target is ABSENT:
            return target
        canonical_id = target.get("canonical_id") if isinstance(target, dict) else None
        if not isinstance(canonical_id, str) or not canonical_id:
            raise reject(where, source, target, "no reference with a canonical id")
        inside = company(item, run)
        target_id = run.context.linked(canonical_id, obj, inside)
        known = (
            run.context.fact(canonical_id, obj, inside, fact) if target_id is not None and fact is not None else None
        )
        if target_id is None or (fact is not None and known is None):
            told = [{name: evaluate(item, run) for name, evaluate in key} for key in keys]
            entity = str(target.get("entity") or source.rpartition(".")[2].lstrip("/"))
            label = next((str(target[key]) for key in _LABELS if not is_empty(target.get(key))), canonical_id)
            company_words = f" of {inside}" if inside else ""
            state = "is not in" if target_id is None else f"has no {fact} yet in"
            detail = f'{run.label}{entity} "{label}" {state} {obj}{company_words}'
            path = source.lstrip("/") if absolute else run.place + source
            # A key that is only partly known would find strangers.
            complete = tuple(key for key in told if not any(is_empty(value) for value in key.values()))
            run.missing.append(Missing(entity, canonical_id, obj, inside, complete, path, detail, _address(target)))
            return UNLINKED
        if fact is not None:
            return known
        if part is None:
            return target_id
        parts = decode_key(target_id)
        if part not in parts:
            detail = (
                f"{run.label}{where}: the link of {source} is {shown(target_id)}, which has no {part}; correct `part`"
            )
            raise RejectRecord("link has no such part", detail)
        return parts[part]

    return link


def _address(reference: dict[str, Any]) -> tuple[str, str, str] | None:
    """Return connection, object and external id of what a reference names, None if it does not tell them."""
    parts = tuple(reference.get(name) for name in ("connection", "object", "external_id"))
    return (str(parts[0]), str(parts[1]), str(parts[2])) if all(parts) else None


_LABELS = ("number", "name", "email", "external_id")

COMPILERS.update({ex.ReferenceTo: _reference, ex.Link: _link})
