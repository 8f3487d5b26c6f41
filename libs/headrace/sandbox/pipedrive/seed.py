"""`POST /_sandbox/seed`: fills the account with users, fields, pipelines, organizations, persons, products and deals.

Records take the keys of API v2. Instead of ids they may name things: `owner` (e-mail), `organization`, `person`,
`product` (code or name), `pipeline`, `stage`, `labels`; and custom fields by display name under `custom`, options by
label. Times such as `add_time` or `update_time`, which the API does not take, may be given as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.sandbox.common.control import ControlError
from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.pipedrive import deal_products
from headrace.sandbox.pipedrive.account import Account, Caller, Data
from headrace.sandbox.pipedrive.bootstrap import new_user, put_client, put_currency, set_api_token
from headrace.sandbox.pipedrive.custom_fields import OPTION_TYPES
from headrace.sandbox.pipedrive.errors import ApiError
from headrace.sandbox.pipedrive.fields_api import add_field
from headrace.sandbox.pipedrive.resources import RESOURCES
from headrace.sandbox.pipedrive.validation import BodyCheck

_LISTS = {"organizations": "organization", "persons": "person", "products": "product", "activities": "activity"}
_KEYS = (
    "company",
    "users",
    "currencies",
    "oauth_clients",
    "fields",
    "pipelines",
    *_LISTS,
    "deals",
    "quiet",
)
_FREE_KEYS = ("add_time", "update_time", "first_won_time", "stage_change_time", "origin", "is_deleted")
_NAMED = {"organization": "org_id", "person": "person_id", "product": "product_id"}


class Seeder:
    """One seed request; everything in it is created, or nothing."""

    def __init__(self, account: Account, body: Mapping[str, Any]) -> None:
        self._account = account
        self._body = body
        note = RequestNote("POST", "/_sandbox/seed")
        self._caller = Caller(1, note, "app", quiet=bool(body.get("quiet", False)))
        self._by_name: dict[str, dict[str, int]] = {}

    def run(self) -> dict[str, Any]:
        """Create everything and return ids and field codes.

        Raises:
            ControlError: an unknown key, or a record that does not fit; names it.
        """
        unknown = [name for name in self._body if name not in _KEYS]
        if unknown:
            raise ControlError(f"seed: unknown key {unknown[0]!r}; known are {', '.join(_KEYS)}")
        try:
            with self._account.store.transaction():
                return self._create_all()
        except KeyError as error:
            raise ControlError(f"seed: {error} is missing, or is no name of this account") from error
        finally:
            self._account.fields.forget()

    def _create_all(self) -> dict[str, Any]:
        account, body = self._account, self._body
        if body.get("company"):
            account.store.put("company", "1", account.company() | body["company"], account.clock.now())
        for position, currency in enumerate(body.get("currencies", ()), 100):
            self._add_currency(position, {"code": currency} if isinstance(currency, str) else currency)
        for client in body.get("oauth_clients", ()):
            more = {key: client[key] for key in ("scope", "redirect_uris") if key in client}
            put_client(account, client["client_id"], client["client_secret"], **more)
        created: dict[str, Any] = {
            "company": account.company(),
            "users": [self._add_user(user) for user in body.get("users", ())],
            "fields": {object_: self._add_fields(object_, items) for object_, items in body.get("fields", {}).items()},
            "pipelines": [self._add_pipeline(item) for item in body.get("pipelines", ())],
        }
        for name, object_ in _LISTS.items():
            if name != "activities":
                created[name] = [self._add(object_, item, f"{name}[{n}]") for n, item in enumerate(body.get(name, ()))]
        deals = [self._add_deal(item, f"deals[{n}]") for n, item in enumerate(body.get("deals", ()))]
        created["deals"] = [deal for deal, _ in deals]
        created["deal_products"] = [lines for _, lines in deals]
        activities = enumerate(body.get("activities", ()))
        created["activities"] = [self._add("activity", item, f"activities[{n}]") for n, item in activities]
        return created

    def _add_currency(self, position: int, currency: Data) -> None:
        code = currency["code"]
        if not self._account.has_currency(code) or len(currency) > 1:
            decimals = int(currency.get("decimal_points", 2))
            name, symbol = str(currency.get("name") or code), str(currency.get("symbol") or code)
            put_currency(self._account, position, code, name, decimals, symbol)

    def _add_user(self, user: Data) -> Data:
        account = self._account
        found = next((item for item in account.all("user") if item["email"] == user["email"]), None)
        shown = {key: value for key, value in user.items() if key != "api_token"}
        if found is None:
            found = account.create("user", new_user(account, user), self._caller, shown)
        else:
            found = account.update("user", found, found | shown, self._caller, shown)
        if "api_token" in user:
            set_api_token(account, found["id"], user["api_token"])
        return {"id": found["id"], "email": found["email"]}

    def _add_fields(self, object_: str, items: list[Data]) -> dict[str, Any]:
        created: dict[str, Any] = {}
        for item in items:
            type_ = item.get("type", "varchar")
            labels = [{"label": label} if isinstance(label, str) else label for label in item.get("options", ())]
            options = labels if type_ in OPTION_TYPES else None
            field = add_field(
                self._account, self._caller, object_, item["name"], type_, options=options, code=item.get("code")
            )
            ids = {option["label"]: option["id"] for option in field["options"] or ()}
            created[item["name"]] = {"code": field["code"], "options": ids}
        return created

    def _add_pipeline(self, item: Data) -> Data:
        id_ = self._add("pipeline", {key: value for key, value in item.items() if key != "stages"}, item["name"])
        stages = {}
        for stage in item.get("stages", ()):
            data = {"name": stage} if isinstance(stage, str) else stage
            stages[data["name"]] = self._add("stage", {**data, "pipeline_id": id_}, item["name"])
        return {"id": id_, "name": item["name"], "stages": stages}

    def _add_deal(self, item: Data, place: str) -> tuple[int, list[int]]:
        account = self._account
        lines = item.get("products", ())
        id_ = self._add("deal", {key: value for key, value in item.items() if key != "products"}, place)
        ids = []
        for position, line in enumerate(lines):
            body = self.resolved("deal_product", line, place)
            sent = self._checked("deal_product", body, f"{place}.products[{position}]")
            deal = account.get("deal", id_) or {}
            ids.append(deal_products.add_line(account, self._caller, deal, sent)["id"])
        return id_, ids

    def _add(self, object_: str, item: Data, place: str) -> int:
        resource = RESOURCES[object_]
        free = {key: item[key] for key in _FREE_KEYS if key in item}
        body = self.resolved(object_, {key: value for key, value in item.items() if key not in free}, place)
        sent = self._checked(object_, body, place)
        problems: list[str] = []
        try:
            data = resource.new(self._account, self._caller, sent, problems)
        except ApiError as error:
            problems.append(str(error))
        if problems:
            raise ControlError(f"{place}: {'; '.join(problems)}")
        record = self._account.create(object_, data | free, self._caller, sent | free)
        name = record.get("name") or record.get("title")
        known = self._by_name.get(object_)
        if known is not None and name is not None:
            known[str(name)] = record["id"]
            if record.get("code"):
                known[record["code"]] = record["id"]
        return int(record["id"])

    def _checked(self, object_: str, body: Data, place: str) -> Data:
        check = BodyCheck(self._account, object_, self._caller.user_id)
        sent = check.run(body, creating=True)
        if check.problems:
            raise ControlError(f"{place}: {'; '.join(check.problems)}")
        return sent

    def resolved(self, object_: str, item: Data, place: str) -> Data:
        """Return a record's body with ids in place of names.

        Raises:
            ControlError: a name that the account does not have.
        """
        body = dict(item)
        for name, key in _NAMED.items():
            if name in body:
                body[key] = self._find(name, body.pop(name), place)
        if "owner" in body:
            body["owner_id"] = self._find("user", body.pop("owner"), place)
        if "pipeline" in body:
            body["pipeline_id"] = self._find("pipeline", body.pop("pipeline"), place)
        if "stage" in body:
            body["stage_id"] = self._stage(body.pop("stage"), body.get("pipeline_id"), place)
        if "labels" in body:
            labels = {label: id_ for id_, label in self._account.fields.labels(object_, "label_ids").items()}
            body["label_ids"] = [labels[label] for label in body.pop("labels")]
        if "custom" in body:
            values = self._custom(object_, body.pop("custom"), place)
            body["custom_fields"] = body.get("custom_fields", {}) | values
        return body

    def _find(self, object_: str, name: str, place: str) -> int:
        if object_ not in self._by_name:
            keys = {"user": ("email", "name"), "product": ("name", "code")}.get(object_, ("name",))
            self._by_name[object_] = {
                str(record[key]): record["id"]
                for record in self._account.living(object_)
                for key in keys
                if record[key]
            }
        id_ = self._by_name[object_].get(name)
        if id_ is None:
            raise ControlError(f"{place}: there is no {object_} {name!r}; seed it first, or in the same request")
        return id_

    def _stage(self, name: str, pipeline_id: int | None, place: str) -> int:
        for stage in self._account.living("stage"):
            if stage["name"] == name and pipeline_id in (None, stage["pipeline_id"]):
                return int(stage["id"])
        raise ControlError(f"{place}: there is no stage {name!r}")

    def _custom(self, object_: str, values: Data, place: str) -> Data:
        fields = {field["name"]: field for field in self._account.fields.of(object_).values() if field["is_custom"]}
        found: Data = {}
        for name, value in values.items():
            field = fields.get(name)
            if field is None:
                raise ControlError(f"{place}: there is no custom field {name!r} on {object_}")
            ids = {option["label"]: option["id"] for option in field["options"] or ()}
            if isinstance(value, list):
                found[field["code"]] = [ids.get(item, item) for item in value]
            else:
                found[field["code"]] = ids.get(value, value) if isinstance(value, str) else value
        return found
