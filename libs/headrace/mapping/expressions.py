"""The closed list of verbs, as models: one class per verb, grown only by a decision record.

An expression is a YAML mapping with exactly one verb. What each verb means at run time is in `compiling`, in words
for the operator in `words`, and which type it gives in `typing_rules`.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from headrace.core.spelling import closest
from headrace.mapping.conditions import Condition
from headrace.mapping.paths import PathField

TAG = "verb "
"""Start of the names that pydantic adds to an error's location for the chosen verb."""


class Node(BaseModel):
    """Any part of a mapping document: an unknown name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Verb(Node):
    """Base of all verbs. `required`: an empty value rejects the record."""

    required: bool = False


class ValueVerb(Verb):
    """Base of the verbs that give a single value. `as` converts it, `max` rejects longer text (it is never cut)."""

    as_: Literal["string", "integer", "decimal", "boolean", "date", "datetime", "upper", "lower"] | None = Field(
        None, alias="as"
    )
    max: int | None = Field(None, ge=1)


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int | Decimal | date):
        return value
    raise ValueError("a constant is one value: text, number, true, false, date or null")


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f'"{value}" is no time zone name such as Europe/Berlin') from None
    return value


Scalar = Annotated[Any, AfterValidator(_scalar)]


class Copy(ValueVerb):
    """The value at a path."""

    copy_: PathField = Field(alias="copy")


class Const(Verb):
    """A fixed value."""

    const: Scalar


class First(ValueVerb):
    """The first of several expressions that is not empty."""

    first: list[Expression] = Field(min_length=1)


class LookupArguments(Node):
    """Table, key and what an unknown key gives; without `otherwise` it rejects the record."""

    table: str
    key: Expression
    otherwise: Expression | None = None


class Lookup(ValueVerb):
    """An entry of a table of the document."""

    lookup: LookupArguments


class EnumArguments(Node):
    """Path of the value, what each of its texts becomes, and what any other gives."""

    copy_: PathField = Field(alias="copy")
    values: dict[str | int, Scalar] = Field(min_length=1)
    otherwise: Expression | None = None


class EnumOf(ValueVerb):
    """A small table in place."""

    enum: EnumArguments


class DateArguments(Node):
    """A time, and the zone whose calendar counts."""

    of: Expression
    zone: Annotated[str, AfterValidator(_zone)] = "UTC"


class DateOf(Verb):
    """The calendar day of a time in a zone; a calendar date never shifts."""

    date: DateArguments


class MoneyArguments(Node):
    """Amount, currency, and the decimals to round to if the source may have more than the currency."""

    amount: Expression
    currency: Expression
    digits: int | None = Field(None, ge=0, le=8)


class MoneyOf(Verb):
    """An amount with its currency."""

    money: MoneyArguments


class Join(ValueVerb):
    """Text of several parts; empty parts are left out."""

    join: list[Expression] = Field(min_length=1)
    with_: str = Field("", alias="with")


class KeyOf(ValueVerb):
    """The id of a record whose key has several parts, as links know it (`core.refs`); empty if one of them is."""

    key: dict[str, Expression] = Field(min_length=1)


class ListOf(Verb):
    """A list of several entries; empty entries are left out."""

    list_: list[Expression] = Field(alias="list")


class ObjectArguments(Node):
    """The fields of the nested record."""

    fields: dict[str, Expression] = Field(min_length=1)


class ObjectOf(Verb):
    """A nested record; empty if all that is not constant in it is empty."""

    object: ObjectArguments


class Each(Verb):
    """One nested record for each item of a list, or of those items for which `where` holds."""

    each: PathField
    where: Condition | None = None
    fields: dict[str, Expression] = Field(min_length=1)


class Case(Node):
    """A condition and the expression that counts if it holds."""

    when: Condition
    then: Expression


class Cases(ValueVerb):
    """The first case that holds."""

    cases: list[Case] = Field(min_length=1)
    otherwise: Expression | None = None


class Transform(ValueVerb):
    """A tested Python function of the connector, by name, called with the evaluated arguments."""

    transform: str
    with_: dict[str, Expression] = Field(default_factory=dict, alias="with")


class ReferenceArguments(Node):
    """Which record is meant. `identity` is the name under which links know it, if not `object`."""

    entity: str
    object: str
    identity: str | None = None
    id: Expression
    name: Expression | None = None
    number: Expression | None = None
    email: Expression | None = None
    tax_number: Expression | None = None


class ReferenceTo(Verb):
    """Another record, by its canonical id. In only."""

    reference: ReferenceArguments


class LinkArguments(Node):
    """A canonical reference (`to`), the target object that stands for it, and how to find it there (`by`).

    `by` is one natural key, or several that are tried in order; one with an empty part is left out.
    The value is its id, one key field of it (`part`), or what is known of it (`fact` of its in mapping, waited for).
    """

    to: PathField
    object: str
    scope: Expression | None = None
    part: str | None = None
    fact: str | None = None
    by: dict[str, Expression] | list[Annotated[dict[str, Expression], Field(min_length=1)]] = Field(
        default_factory=dict
    )

    @property
    def keys(self) -> list[tuple[tuple[str | int, ...], dict[str, Expression]]]:
        """The natural keys, each with its place below the link."""
        if isinstance(self.by, list):
            return [(("by", at), key) for at, key in enumerate(self.by)]
        return [(("by",), self.by)] if self.by else []


class Link(ValueVerb):
    """The target id, or one key field of it, of the record that a canonical reference names. Out only."""

    link: LinkArguments


class FromStep(Verb):
    """A field of what an earlier step's answer holds. Out only."""

    from_step: str
    field: str


class MarkerArguments(Node):
    """How many characters the target's field takes (see `core.ids.marker`)."""

    length: int = Field(18, ge=10, le=28)


class Marker(Verb):
    """A short token of the canonical id, by which our own record is found again (I4). Out only."""

    marker: Annotated[
        MarkerArguments, BeforeValidator(lambda value: {"length": value} if isinstance(value, int) else value)
    ]


class ConversionPart(ValueVerb):
    """What the document was before `convert` put it into another currency; empty if it did not. Out only."""

    conversion: Literal["words", "rate", "currency", "total"]


class Convert(Node):
    """The currency that a document goes out in, the type of the exchange rate, and the day that it is of."""

    to: Expression
    rate_type: Expression
    on: Expression


VERBS: dict[str, type[Verb]] = {
    "copy": Copy,
    "const": Const,
    "first": First,
    "lookup": Lookup,
    "enum": EnumOf,
    "date": DateOf,
    "money": MoneyOf,
    "join": Join,
    "key": KeyOf,
    "list": ListOf,
    "object": ObjectOf,
    "each": Each,
    "cases": Cases,
    "transform": Transform,
    "reference": ReferenceTo,
    "link": Link,
    "from_step": FromStep,
    "marker": Marker,
    "conversion": ConversionPart,
}
"""The closed list: the word in the document, and its model."""


def _one_verb(value: Any) -> Any:
    if isinstance(value, Verb):
        return value
    if not isinstance(value, dict):
        raise PydanticCustomError(
            "verb", "an expression is a verb with what it needs, such as {{copy: path}} or {{const: value}}"
        )
    found = [name for name in value if name in VERBS]
    if len(found) == 1:
        return value
    if found:
        raise PydanticCustomError("verb", "one verb only, not {found}", {"found": " and ".join(found)})
    names = [str(name) for name in value]
    hint = next((text for text in (closest(name, list(VERBS)) for name in names) if text), "")
    message = "no verb in {names}{hint}" if hint else "no verb in {names}; verbs: {verbs}"
    raise PydanticCustomError(
        "verb", message, {"names": ", ".join(names) or "{}", "hint": hint, "verbs": ", ".join(VERBS)}
    )


def _tag(value: Any) -> str | None:
    if isinstance(value, Verb):
        return next(TAG + name for name, model in VERBS.items() if model is type(value))
    return next((TAG + name for name in value if name in VERBS), None)


Expression = Annotated[
    Annotated[
        Annotated[Copy, Tag("verb copy")]
        | Annotated[Const, Tag("verb const")]
        | Annotated[First, Tag("verb first")]
        | Annotated[Lookup, Tag("verb lookup")]
        | Annotated[EnumOf, Tag("verb enum")]
        | Annotated[DateOf, Tag("verb date")]
        | Annotated[MoneyOf, Tag("verb money")]
        | Annotated[Join, Tag("verb join")]
        | Annotated[KeyOf, Tag("verb key")]
        | Annotated[ListOf, Tag("verb list")]
        | Annotated[ObjectOf, Tag("verb object")]
        | Annotated[Each, Tag("verb each")]
        | Annotated[Cases, Tag("verb cases")]
        | Annotated[Transform, Tag("verb transform")]
        | Annotated[ReferenceTo, Tag("verb reference")]
        | Annotated[Link, Tag("verb link")]
        | Annotated[FromStep, Tag("verb from_step")]
        | Annotated[Marker, Tag("verb marker")]
        | Annotated[ConversionPart, Tag("verb conversion")],
        Discriminator(_tag),
    ],
    BeforeValidator(_one_verb),
]
"""Any verb, told by its word."""

_ARGUMENTS: tuple[type[BaseModel], ...] = (
    LookupArguments,
    EnumArguments,
    DateArguments,
    MoneyArguments,
    ObjectArguments,
    Case,
    ReferenceArguments,
    LinkArguments,
    Convert,
)
for _model in (*_ARGUMENTS, *VERBS.values()):
    _model.model_rebuild(_types_namespace=globals())
