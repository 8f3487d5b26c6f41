"""Which shared records concern the configured companies: main accounts by their chart, dimension values by company."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.client import ODataClient
from headrace.connectors.dynamics_fo.config import DynamicsFoConfig
from headrace.connectors.dynamics_fo.entity_sets import LEGAL_ENTITIES, EntitySet, Field
from headrace.connectors.dynamics_fo.objects_ledger import DIMENSION_VALUES, MAIN_ACCOUNTS
from headrace.core.errors import StopConnection
from headrace.platform import odata_text

LEDGERS = EntitySet(
    name="Ledgers",
    key=("LegalEntityId",),
    companies=("LegalEntityId",),
    fields={"LegalEntityId": Field("string", 4), "ChartOfAccounts": Field("string", 60)},
)
KEPT_SECONDS = 900.0
"""How long it is believed which chart of accounts a company uses."""


class Scope:
    """Restricts reads of shared records, and tells of each in which configured companies it counts."""

    def __init__(self, config: DynamicsFoConfig, client: ODataClient) -> None:
        self._config = config
        self._client = client
        self._charts: Mapping[str, Sequence[str]] = {}
        self._known_until = 0.0

    async def filter(self, entity_set: EntitySet) -> str:
        """Return the filter for the records that concern anybody here; "" for sets that are not shared.

        Raises:
            StopConnection: nothing can concern anybody, as configuration or environment lack what it goes by.
            RetryLater: as reads do.
        """
        if entity_set is MAIN_ACCOUNTS:
            return self._any(entity_set, "ChartOfAccounts", await self._charts_in_use())
        if entity_set is DIMENSION_VALUES:
            if not self._config.read_dimensions:
                remedy = "Set dimension_format, or list what is read under dimensions."
                raise StopConnection("no financial dimension is configured", remedy)
            names = [{"FinancialDimension": name} for name in self._config.read_dimensions]
            owners = [{"LegalEntityId": company} for company in ("", *self._config.legal_entities)]
            return odata_text.both(
                *(odata_text.any_of(odata.equals(entity_set, each) for each in one) for one in (names, owners))
            )
        return ""

    @staticmethod
    def _any(entity_set: EntitySet, name: str, values: Iterable[str]) -> str:
        return odata_text.any_of(odata.equals(entity_set, {name: value}) for value in values)

    async def add(self, entity_set: EntitySet, records: Sequence[dict[str, Any]]) -> None:
        """Add `LegalEntities` to shared records in place; one without any concerns nobody here."""
        if entity_set is MAIN_ACCOUNTS:
            charts = await self._charts_in_use()
            for record in records:
                record[LEGAL_ENTITIES] = list(charts.get(str(record["ChartOfAccounts"]), ()))
        elif entity_set is DIMENSION_VALUES:
            for record in records:
                record[LEGAL_ENTITIES] = self._companies_of(record)

    def _companies_of(self, value: Mapping[str, Any]) -> list[str]:
        known = {each.casefold() for each in self._config.read_dimensions}
        if str(value["FinancialDimension"]).casefold() not in known:
            return []
        owner = str(value["LegalEntityId"] or "").lower()
        return sorted(each for each in self._config.legal_entities if owner in ("", each))

    async def _charts_in_use(self) -> Mapping[str, Sequence[str]]:
        """Return the configured companies by the name of their chart of accounts."""
        if self._known_until <= time.monotonic():
            companies = [{"LegalEntityId": company} for company in self._config.legal_entities]
            charts: dict[str, list[str]] = {}
            async for row in self._client.of_keys(LEDGERS, companies, tuple(LEDGERS.fields)):
                if row["ChartOfAccounts"]:
                    charts.setdefault(str(row["ChartOfAccounts"]), []).append(str(row["LegalEntityId"]).lower())
            if not charts:
                remedy = "Check the ledgers there, and that the user may read the entity Ledgers."
                raise StopConnection("no ledger of a configured company names its chart of accounts", remedy)
            self._charts = {chart: sorted(found) for chart, found in charts.items()}
            self._known_until = time.monotonic() + KEPT_SECONDS
        return self._charts
