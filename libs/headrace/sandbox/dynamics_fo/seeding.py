"""Filling the sandbox: the base that every new one has, and seeds through the control API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.sandbox.common.control import ControlError, Sandbox
from headrace.sandbox.common.entra import TENANT, EntraDirectory
from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.dynamics_fo.entities.administration import NUMBERED
from headrace.sandbox.dynamics_fo.entities.catalog import ENTITIES
from headrace.sandbox.dynamics_fo.entities.model import Entity, Sequence
from headrace.sandbox.dynamics_fo.errors import ServiceError, WriteRefused
from headrace.sandbox.dynamics_fo.events import (
    DEFAULT_CATALOG,
    ENDPOINT_URL,
    KEY_VAULT,
    TRIGGERS,
    CatalogEntry,
)
from headrace.sandbox.dynamics_fo.numbering import MODES, NumberSequences
from headrace.sandbox.dynamics_fo.rows import find
from headrace.sandbox.dynamics_fo.rules.holds import ORDER_SETTINGS, STOPPED
from headrace.sandbox.dynamics_fo.seeding_payables import payables_rows
from headrace.sandbox.dynamics_fo.writes import Writer

_FORMAT_TYPES = {"default": "DataEntityDefaultDimensionFormat", "ledger": "DataEntityLedgerDimensionFormat"}


@dataclass(frozen=True)
class Installation:
    """What a new sandbox knows: its tenant, one application with its user, one company."""

    tenant: str
    client_id: str
    client_secret: str
    company: str


class Seeder:
    """Applies seed documents; each is one transaction, and its changes stand in the ledger with method SEED."""

    def __init__(
        self,
        sandbox: Callable[[], Sandbox],
        writer: Callable[[], Writer],
        numbers: NumberSequences,
        directory: Callable[[], EntraDirectory],
        installation: Installation,
    ) -> None:
        self._sandbox = sandbox
        self._writer = writer
        self._numbers = numbers
        self._directory = directory
        self._installation = installation
        self._sections: Mapping[str, Callable[[Any, RequestNote], None]] = {
            "tenant": self._tenant,
            "companies": self._companies,
            "number_sequences": self._number_sequences,
            "dimension_formats": self._dimension_formats,
            "accounts_payable": self._accounts_payable,
            "clients": self._clients,
            "key_vault": self._key_vault,
            "records": self._records,
            "blocked_products": self._blocked_products,
            "business_events": self._business_events,
        }

    def install(self) -> None:
        """Give an empty sandbox its base: company, currency, site, warehouse, group, terms, user, application."""
        base = self._installation
        client = {"client_id": base.client_id, "client_secret": base.client_secret, "user": "Admin"}
        self.seed(
            {
                "tenant": base.tenant,
                "records": {
                    "Currencies": [
                        {"CurrencyCode": "USD", "Name": "US Dollar"},
                        {"CurrencyCode": "EUR", "Name": "Euro"},
                    ]
                },
                "companies": {base.company: {"name": "Contoso Entertainment System USA", "currency": "USD"}},
                "clients": [{**client, "company": base.company}],
                "business_events": {"catalog": [entry.model_dump() for entry in DEFAULT_CATALOG]},
            }
        )

    def seed(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Apply a seed document and return the ledger's last sequence number.

        Raises:
            ControlError: an unknown section, set, property or value; nothing was applied.
        """
        unknown = set(body) - set(self._sections)
        if unknown:
            raise ControlError(f"unknown seed sections {sorted(unknown)}; known are {sorted(self._sections)}")
        sandbox = self._sandbox()
        note = RequestNote("SEED", "/_sandbox/seed")
        with sandbox.store.transaction():
            for name, apply in self._sections.items():
                if name in body:
                    apply(body[name], note)
        return {"status": "ok", "last": sandbox.ledger.last(), "records": sandbox.store.objects()}

    def _row(self, set_name: str, row: Mapping[str, Any], note: RequestNote) -> None:
        entity = ENTITIES.get(set_name)
        if entity is None or entity.view_of:
            stored = sorted(name for name, each in ENTITIES.items() if not each.view_of)
            raise ControlError(f"records: no stored set {set_name!r}; known are {stored}")
        try:
            self._writer().seed(entity, row, self._installation.company, note)
        except (ServiceError, WriteRefused) as error:
            raise ControlError(f"records: {set_name} {_named(entity, row)}: {error}") from error

    def _records(self, sets: Mapping[str, Any], note: RequestNote) -> None:
        for set_name, rows in sets.items():
            for row in rows:
                self._row(set_name, row, note)

    def _tenant(self, tenant: str, note: RequestNote) -> None:
        sandbox = self._sandbox()
        sandbox.store.put(TENANT, "tenant", {"id": tenant}, sandbox.clock.now())

    def _companies(self, companies: Mapping[str, Any], note: RequestNote) -> None:
        for name, about in companies.items():
            company, currency = name.lower(), about.get("currency", "USD")
            self._row("Currencies", {"CurrencyCode": currency}, note)
            self._row("LegalEntities", {"LegalEntityId": company, "Name": about.get("name", name)}, note)
            ledger = {"LegalEntityId": company, "AccountingCurrency": currency}
            self._row("Ledgers", {**ledger, "ChartOfAccounts": about.get("chart_of_accounts", "Shared")}, note)
            sites = about.get("sites", [{"SiteId": "1", "SiteName": "Main site"}])
            warehouses = about.get("warehouses", [{"WarehouseId": "11", "OperationalSiteId": "1"}])
            groups = about.get("customer_groups", [{"CustomerGroupId": "10", "PaymentTermId": "Net30"}])
            terms = about.get("payment_terms", [{"Name": "Net30", "Description": "Net 30 days", "NumberOfDays": 30}])
            for set_name, rows in (
                ("OperationalSitesV2", sites),
                ("Warehouses", warehouses),
                ("PaymentTerms", terms),
                ("CustomerGroups", groups),
            ):
                for row in rows:
                    self._row(set_name, {"dataAreaId": company, **row}, note)
            for set_name, field in NUMBERED:
                entity = ENTITIES[set_name]
                sequence = next(each for each in entity.sequences if each.field == field)
                self._show_sequence(entity, sequence, company, note)

    def _number_sequences(self, sets: Mapping[str, Any], note: RequestNote) -> None:
        """Read {set or set.field: {mode, format, next, companies: {company: {…}}}}."""
        sandbox = self._sandbox()
        for name, changes in sets.items():
            set_name, _, field = name.partition(".")
            entity = ENTITIES.get(set_name)
            found = [each for each in (entity.sequences if entity else ()) if field in ("", each.field)]
            if entity is None or not found:
                raise ControlError(f"number_sequences: {name!r} has no number sequence; write Set or Set.Field")
            common = {key: value for key, value in changes.items() if key != "companies"}
            known = [str(row.data["LegalEntityId"]) for row in sandbox.store.list("LegalEntities")]
            for company in {*known, *changes.get("companies", {})}:
                own = {**common, **changes.get("companies", {}).get(company, {})}
                if set(own) - {"mode", "format", "next"} or own.get("mode", "auto") not in MODES:
                    raise ControlError(f"number_sequences: {name}: give mode ({', '.join(MODES)}), format, next")
                if own:
                    self._numbers.configure(entity, found[0], company, own, sandbox.clock.now())
                    self._show_sequence(entity, found[0], company, note)

    def _show_sequence(self, entity: Entity, sequence: Sequence, company: str, note: RequestNote) -> None:
        """Keep the sets that show a number sequence, and what it is for, as it is configured."""
        data_type = NUMBERED.get((entity.set, sequence.field))
        if data_type is None:
            return
        mode = self._numbers.mode(entity, sequence, company)
        scope = {"ScopeType": "DataArea", "ScopeValue": company}
        code = f"{company}{[*NUMBERED.values()].index(data_type) + 1}"
        reference = {**scope, "DataTypeName": data_type}
        if mode == "none":
            record = find(self._sandbox().store, ENTITIES["NumberSequencesV2References"], reference)
            if record is not None:
                self._writer().remove("NumberSequencesV2References", record, note)
            return
        changeable = "Yes" if mode == "both" else "No"
        shown = {
            "Manual": "Yes" if mode == "manual" else "No",
            "ToALowerNumber": changeable,
            "ToAHigherNumber": changeable,
            "Format": sequence.format.replace("{company}", company.upper()),
            "Next": self._numbers.next_number(entity, sequence, company),
            "Largest": 999_999,
        }
        self._row("SequenceV2Tables", {**scope, "NumberSequenceCode": code, "Company": company, **shown}, note)
        self._row("NumberSequencesV2References", {**reference, "NumberSequenceCode": code}, note)

    def _dimension_formats(self, formats: Mapping[str, Any], note: RequestNote) -> None:
        """Read {delimiter, default: [names], ledger: [names], values: {name: [values]}}."""
        by = formats.get("delimiter", "-")
        self._row("DimensionParameters", {"Key": 0, "DimensionSegmentDelimiter": by}, note)
        for kind, type_name in _FORMAT_TYPES.items():
            names = formats.get(kind, [])
            for name in names:
                self._row("DimensionAttributes", {"DimensionName": name}, note)
            if names:
                row = {"DimensionFormatName": f"{kind} format", "DimensionFormatType": type_name}
                self._row(
                    "DimensionIntegrationFormats",
                    {**row, "FinancialDimensionFormat": by.join(names), "IsActive": "Yes"},
                    note,
                )
        for name, values in formats.get("values", {}).items():
            for value in values:
                self._row("FinancialDimensionValues", {"FinancialDimension": name, "DimensionValue": value}, note)

    def _accounts_payable(self, section: Any, note: RequestNote) -> None:
        for set_name, row in payables_rows(self._sandbox().store, section):
            self._row(set_name, row, note)

    def _clients(self, clients: list[Mapping[str, Any]], note: RequestNote) -> None:
        """Read [{client_id, client_secret, certificate_pem, user, company, language, roles}].

        Without user it stays unmapped. Roles are shown, not enforced; without them the user is system administrator.
        """
        for client in clients:
            if "client_id" not in client:
                raise ControlError("clients: every entry needs a client_id")
            self._directory().register(client, self._sandbox().clock.now())
            user = client.get("user")
            if user:
                company = client.get("company", self._installation.company)
                language = client.get("language", "en-us")
                about = {"UserID": user, "Company": company, "Enabled": "Yes", "UserInfo_language": language}
                self._row("SystemUsers", about, note)
                for role in client.get("roles", ["-SYSADMIN-"]):
                    named = {"SecurityRoleIdentifier": role, "SecurityRoleName": role.strip("-").capitalize()}
                    self._row("SecurityUserRoleAssociations", {"UserId": user, **named}, note)
                self._row("SysAADClients", {"AADClientId": client["client_id"], "UserId": user}, note)

    def _key_vault(self, secrets: Mapping[str, str], note: RequestNote) -> None:
        sandbox = self._sandbox()
        for name, value in secrets.items():
            sandbox.store.put(KEY_VAULT, name, {"value": value}, sandbox.clock.now())

    def _blocked_products(self, items: Mapping[str, list[str]], note: RequestNote) -> None:
        for company, numbers in items.items():
            for number in numbers:
                self.block(company, number, True)

    def block(self, company: str, item: str, blocked: bool) -> None:
        """Stop or release an item for sales orders.

        Raises:
            ControlError: the item is not released in the company.
        """
        sandbox = self._sandbox()
        key = {"dataAreaId": company.lower(), "ItemNumber": item}
        record = find(sandbox.store, ENTITIES[ORDER_SETTINGS], key)
        if record is None:
            raise ControlError(f"item {item!r} is not released in company {company!r}")
        with sandbox.store.transaction():
            changes = {STOPPED: "Yes" if blocked else "No"}
            self._writer().revise(ORDER_SETTINGS, record, changes, RequestNote("SEED", "/_sandbox/seed"))

    def _business_events(self, events: Mapping[str, Any], note: RequestNote) -> None:
        """Read {catalog: [entry], endpoints: [{name, url}], configurations: [{event, endpoint, legal_entity}]}."""
        sandbox = self._sandbox()
        for raw in events.get("catalog", []):
            entry = CatalogEntry.model_validate(raw)
            entity = ENTITIES.get(entry.set)
            wrong = set(entry.fields.values()) - set(entity.by_name if entity else ())
            if wrong:
                raise ControlError(f"business_events: {entry.id}: {entry.set} has no {sorted(wrong)}")
            sandbox.store.put(TRIGGERS, entry.id, entry.model_dump(), sandbox.clock.now())
            row = {"BusinessEventId": entry.id, "Name": entry.id, "Category": entry.category}
            self._row("BusinessEventsCatalogs", {**row, "Description": entry.description}, note)
        for endpoint in events.get("endpoints", []):
            self._row("BusinessEventsEndpoints", {"Name": endpoint["name"], "Type": "Http"}, note)
            record = sandbox.store.find("BusinessEventsEndpoints", "Name", endpoint["name"])[0]
            data = {**record.data, ENDPOINT_URL: endpoint["url"]}
            sandbox.store.put(record.object, record.key, data, sandbox.clock.now())
        for each in events.get("configurations", []):
            row = {"BusinessEventsTable": each["event"], "BusinessEventsEndpoint_Name": each["endpoint"]}
            self._row("BusinessEventsConfigurations", {**row, "LegalEntity": each.get("legal_entity", "")}, note)


def _named(entity: Entity, row: Mapping[str, Any]) -> str:
    return ",".join(f"{name}={row.get(name, '')}" for name in entity.key)
