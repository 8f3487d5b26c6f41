"""What a sales team does in the CRM, through the vendor's own API, as the story needs it."""

from __future__ import annotations

from typing import Any

import httpx

from headrace.cli.demo.deployment import API_TOKEN, HOOK_PASSWORD, HOOK_USER
from headrace.cli.demo.world import Deal, Item, Reseller

OF_CUSTOMERS = [
    {"name": "Legal entity", "type": "enum", "options": ["usmf", "demf", "gbsi"]},
    {"name": "Account number", "type": "varchar"},
    {"name": "Headrace id", "type": "varchar"},
]
FIELDS = {
    "deal": [
        {"name": "Legal entity", "type": "enum", "options": ["usmf", "demf", "gbsi"]},
        {"name": "Requested delivery", "type": "date"},
        {"name": "Department", "type": "varchar"},
        {"name": "Cost center", "type": "varchar"},
        {"name": "Business unit", "type": "varchar"},
        {"name": "Sales order number", "type": "varchar"},
        {"name": "Sales order status", "type": "varchar"},
    ],
    "organization": [
        {"name": "VAT number", "type": "varchar"},
        {"name": "Registration number", "type": "varchar"},
        {"name": "Email", "type": "varchar"},
        {"name": "Phone", "type": "varchar"},
        *OF_CUSTOMERS,
    ],
    "person": [*OF_CUSTOMERS],
    "product": [{"name": "Item number", "type": "varchar"}],
}
"""Custom fields of the demo's CRM; their keys are hashes that nobody chooses."""


class SalesTeam:
    """Works in one Pipedrive company."""

    def __init__(self, url: str, seeded: dict[str, Any]) -> None:
        self._client = httpx.Client(base_url=url, headers={"x-api-token": API_TOKEN}, trust_env=False, timeout=30.0)
        self._fields: dict[str, Any] = seeded["fields"]
        self.products: dict[str, int] = {}
        self.organizations: dict[str, int] = {}
        self.persons: dict[str, int] = {}

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    def subscribe(self, hook_url: str) -> None:
        """Register the webhooks that a real account would have."""
        for obj in ("deal", "organization", "person", "product", "deal_product"):
            self._call(
                "POST",
                "/api/v1/webhooks",
                {
                    "subscription_url": hook_url,
                    "event_action": "*",
                    "event_object": obj,
                    "name": f"headrace {obj}",
                    "version": "2.0",
                    "http_auth_user": HOOK_USER,
                    "http_auth_password": HOOK_PASSWORD,
                },
            )

    def add_item(self, item: Item) -> None:
        """Put an item into the catalogue."""
        body = {"name": item.name, "code": item.number, "prices": [{"currency": "USD", "price": float(item.price)}]}
        self.products[item.number] = self._call("POST", "/api/v2/products", body)["id"]

    def add_reseller(self, reseller: Reseller) -> None:
        """Enter an organization and its person."""
        body = {
            "name": reseller.name,
            "address": {
                "value": f"{reseller.street}, {reseller.postal_code} {reseller.city}",
                "route": reseller.street,
                "locality": reseller.city,
                "postal_code": reseller.postal_code,
                "country": reseller.country,
            },
            "custom_fields": {
                self._code("organization", "VAT number"): reseller.vat_number,
                self._code("organization", "Legal entity"): self._option(
                    "organization", "Legal entity", reseller.company
                ),
            },
        }
        self.add_person(reseller, self._call("POST", "/api/v2/organizations", body)["id"])

    def add_person(self, reseller: Reseller, organization: int) -> None:
        """Enter the person who buys for an organization."""
        self.organizations[reseller.account_number] = organization
        mail = f"orders@{reseller.account_number.lower()}.example.com"
        person = {"name": reseller.person, "org_id": organization, "emails": [{"value": mail, "primary": True}]}
        self.persons[reseller.account_number] = self._call("POST", "/api/v2/persons", person)["id"]

    def enter(self, deal: Deal) -> int:
        """Enter a deal with its lines; returns its id."""
        body = {
            "title": deal.title,
            "currency": deal.currency,
            "org_id": self.organizations[deal.reseller.account_number],
            "person_id": self.persons[deal.reseller.account_number],
            "expected_close_date": "2026-12-15",
            "custom_fields": {
                self._code("deal", "Legal entity"): self._option("deal", "Legal entity", deal.reseller.company),
                self._code("deal", "Requested delivery"): "2026-12-20",
                self._code("deal", "Department"): deal.department,
                self._code("deal", "Cost center"): "SALES",
            },
        }
        number = int(self._call("POST", "/api/v2/deals", body)["id"])
        for line in deal.lines:
            self._call(
                "POST",
                f"/api/v2/deals/{number}/products",
                {
                    "product_id": self.products[line.item.number],
                    "item_price": float(line.price),
                    "quantity": line.quantity,
                    "discount": float(line.discount),
                    "discount_type": "percentage",
                    "tax_method": "exclusive",
                },
            )
        return number

    def win(self, deal: int) -> None:
        """Mark a deal as won."""
        self._call("PATCH", f"/api/v2/deals/{deal}", {"status": "won"})

    def phone(self, organization: int, number: str) -> None:
        """Change an organization's telephone number."""
        body = {"custom_fields": {self._code("organization", "Phone"): number}}
        self._call("PATCH", f"/api/v2/organizations/{organization}", body)

    def rename_organization(self, organization: int, name: str) -> None:
        """Change an organization's name."""
        self._call("PATCH", f"/api/v2/organizations/{organization}", {"name": name})

    def records(self, obj: str) -> list[dict[str, Any]]:
        """Return all records of an object as people see them, custom fields by their names."""
        names = {str(field["code"]): name for name, field in self._fields[obj].items()}
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self._answer(
                "GET", f"/api/v2/{obj}s", params={"limit": "500", **({"cursor": cursor} if cursor else {})}
            )
            for row in page["data"]:
                custom = {names[code]: value for code, value in (row["custom_fields"] or {}).items() if code in names}
                found.append({**row, "custom": custom})
            cursor = (page.get("additional_data") or {}).get("next_cursor") or ""
            if not cursor:
                return found

    def learn_catalogue(self) -> dict[str, int]:
        """Return the products that may be quoted, by code."""
        self.products |= {row["code"]: row["id"] for row in self.records("product") if row["code"]}
        return self.products

    def rename(self, deal: int, title: str) -> None:
        """Change a deal's title."""
        self._call("PATCH", f"/api/v2/deals/{deal}", {"title": title})

    def _code(self, obj: str, name: str) -> str:
        return str(self._fields[obj][name]["code"])

    def _option(self, obj: str, name: str, label: str) -> int:
        return int(self._fields[obj][name]["options"][label])

    def _call(self, method: str, path: str, body: dict[str, Any]) -> Any:
        return self._answer(method, path, json=body)["data"]

    def _answer(self, method: str, path: str, **request: Any) -> Any:
        response = self._client.request(method, path, **request)
        if response.is_error:
            raise RuntimeError(f"{method} {path}: {response.status_code} {response.text[:300]}")
        return response.json()


def crm_seed() -> dict[str, Any]:
    """Return the seed of the Pipedrive sandbox: one company, its user, currencies, custom fields."""
    return {
        "company": {"name": "Contoso Bikes"},
        "users": [{"name": "Sales", "email": "sales@example.com", "api_token": API_TOKEN}],
        "currencies": ["USD", "EUR", "GBP"],
        "fields": FIELDS,
        "quiet": True,
    }
