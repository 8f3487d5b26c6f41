"""What all companies share of the ledger: exchange rates, main accounts, values of financial dimensions."""

from __future__ import annotations

from headrace.connectors.dynamics_fo.entity_sets import (
    LEGAL_ENTITIES,
    EntitySet,
    Field,
    every,
    read_only,
    texts,
)

RATES = EntitySet(
    name="ExchangeRates",
    key=("RateTypeName", "FromCurrency", "ToCurrency", "StartDate"),
    creatable=False,  # rates are kept in the ERP; here they are only read
    fields={
        **read_only(texts(20, "RateTypeName")),
        **read_only(texts(3, "FromCurrency", "ToCurrency")),
        **read_only(every("date", "StartDate", "EndDate")),
        **read_only(every("decimal", "Rate")),
        "ConversionFactor": Field("enum", enum="ExchangeRateDisplayFactor", read_only=True),
    },
)

MAIN_ACCOUNTS = EntitySet(
    name="MainAccounts",
    key=("ChartOfAccounts", "MainAccountId"),
    creatable=False,  # the chart of accounts is the ERP's alone
    fields=read_only(
        {
            **texts(60, "ChartOfAccounts", "Name"),
            **texts(20, "MainAccountId", "MainAccountCategory", "ParentMainAccountId"),
            **texts(3, "DefaultCurrency"),
            "MainAccountType": Field("enum", enum="DimensionLedgerAccountType"),
            **every("boolean", "IsSuspended", "DoNotAllowManualEntry"),
            **every("date", "ActiveFrom", "ActiveTo"),
        }
    ),
    # The configured companies whose ledger uses this chart of accounts.
    pseudo=read_only({LEGAL_ENTITIES: Field("list")}),
)

DIMENSION_VALUES = EntitySet(
    name="FinancialDimensionValues",
    key=("FinancialDimension", "LegalEntityId", "DimensionValue"),
    blank=("LegalEntityId",),  # a value of all companies
    creatable=False,
    fields=read_only(
        {
            **texts(60, "FinancialDimension", "Description", "GroupDimension", "Owner"),
            **texts(4, "LegalEntityId"),
            **texts(30, "DimensionValue"),
            **every("date", "ActiveFrom", "ActiveTo"),
            **every("boolean", "IsSuspended", "IsBlockedForManualEntry", "IsTotal"),
        }
    ),
    # The configured companies in which the value counts: its own, or all.
    pseudo=read_only({LEGAL_ENTITIES: Field("list")}),
)
