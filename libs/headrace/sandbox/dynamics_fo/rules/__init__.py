"""Business rules that declarations cannot say, by set name."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.sandbox.dynamics_fo.drafts import EntityRules
from headrace.sandbox.dynamics_fo.rules import parties, products, sales

RULES: Mapping[str, EntityRules] = {**parties.RULES, **products.RULES, **sales.RULES}
NO_RULES = EntityRules()
