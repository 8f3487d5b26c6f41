"""All tables of a new environment by logical name."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.sandbox.dataverse.tables import activities, customers, organisation, products, sales, webhooks
from headrace.sandbox.dataverse.tables.model import Table

TABLES: Mapping[str, Table] = {
    each.name: each
    for area in (customers, sales, products, activities, organisation, webhooks)
    for each in sorted(area.TABLES, key=lambda table: table.name)
}
