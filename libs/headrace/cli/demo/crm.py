"""What a sales team does in the CRM, through the vendor's own API, as the story needs it."""

from __future__ import annotations

from typing import Any

import httpx

from headrace.cli.demo.deployment import API_TOKEN, HOOK_PASSWORD, HOOK_USER
from headrace.cli.demo.world import Deal, Item, Reseller

FIELDS = {
    "deal": [
        {"name": "Legal entity", "type": "enum", "options": ["usmf", "demf", "gbsi"]},
        {"name": "Requested delivery", "type": "date"},
        {"name": "Department", "type": "varchar"},
        {"name": "Cost center", "type": "varchar"},
    ],
    "organization": [
        {"name": "VAT number", "type": "varchar"},
        {"name": "Legal entity", "type": "enum", "options": ["usmf", "demf", "gbsi"]},
    ],
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
        organization = self._call("POST", "/api/v2/organizations", body)["id"]
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

    def rename(self, deal: int, title: str) -> None:
        """Change a deal's title."""
        self._call("PATCH", f"/api/v2/deals/{deal}", {"title": title})

    def _code(self, obj: str, name: str) -> str:
        return str(self._fields[obj][name]["code"])

    def _option(self, obj: str, name: str, label: str) -> int:
        return int(self._fields[obj][name]["options"][label])

    def _call(self, method: str, path: str, body: dict[str, Any]) -> Any:
        response = self._client.request(method, path, json=body)
        if response.is_error:
            raise RuntimeError(f"{method} {path}: {response.status_code} {response.text[:300]}")
        return response.json()["data"]


def crm_seed() -> dict[str, Any]:
    """Return the seed of the Pipedrive sandbox: one company, its user, currencies, custom fields."""
    return {
        "company": {"name": "Contoso Bikes"},
        "users": [{"name": "Sales", "email": "sales@example.com", "api_token": API_TOKEN}],
        "currencies": ["USD", "EUR", "GBP"],
        "fields": FIELDS,
        "quiet": True,
    }
