"""What administrators set up: number sequences with what they are for, and the security roles of users.

Names and keys are those of the service metadata; that of number sequences drops the "Number" of its entity's name.
"""

from __future__ import annotations

from headrace.sandbox.dynamics_fo.entities import lookups
from headrace.sandbox.dynamics_fo.entities.model import Entity, Property, choice, text, yes_no

NUMBERED = {
    ("CustomersV3", "CustomerAccount"): "CustAccount",
    ("ContactPersons", "ContactPersonId"): "ContactPersonId",
    ("SalesOrderHeadersV2", "SalesOrderNumber"): "SalesIdBase",
    ("SalesOrderLines", "InventoryLotId"): "InventTransId",
    ("VendorsV2", "VendorAccountNumber"): "VendAccount",
    ("PurchaseOrderHeadersV2", "PurchaseOrderNumber"): "PurchIdBase",
    ("VendorPaymentJournalHeaders", "JournalBatchNumber"): "LedgerJournalId",
}
"""Set and field → data type under which its number sequence is referred to."""

ENTITIES = (
    Entity(
        set="SequenceV2Tables",
        type="NumberSequenceTableV2",
        aot="NumberSequenceTableV2Entity",
        table="NumberSequenceTable",
        label="Number sequence code",
        category="Parameter",
        key=("NumberSequenceCode", "ScopeType", "ScopeValue"),
        properties=(
            text("NumberSequenceCode", 10, label="Number sequence code", required=True),
            choice("ScopeType", "NumberSequenceType"),
            text("ScopeValue", 20, label="Scope"),
            text("Name", 60),
            text("Format", 100),
            text("Company", 4),
            *yes_no("Manual", "ToALowerNumber", "ToAHigherNumber", "Continuous", "Stopped", "InUse"),
            Property("Smallest", "int32"),
            Property("Largest", "int32"),
            Property("Next", "int32"),
        ),
    ),
    Entity(
        set="NumberSequencesV2References",
        type="NumberSequencesV2Reference",
        aot="NumberSequenceReferenceV2Entity",
        table="NumberSequenceReference",
        label="Number sequence references",
        category="Parameter",
        key=("DataTypeName", "ScopeType", "ScopeValue"),
        properties=(
            text("DataTypeName", 60, label="Reference", required=True),
            choice("ScopeType", "NumberSequenceType"),
            text("ScopeValue", 20, label="Scope"),
            text("NumberSequenceCode", 10, label="Number sequence code"),
            *yes_no("ReuseNumbers"),
        ),
    ),
    Entity(
        set="SecurityUserRoleAssociations",
        type="SecurityUserRoleAssociations",
        aot="SecurityUserRoleAssociationEntity",
        table="SecurityUserRole",
        label="Security user role associations",
        category="Parameter",
        key=("UserId", "SecurityRoleIdentifier"),
        properties=(
            text("UserId", 20, label="User ID", required=True, lookup=lookups.USER),
            text("SecurityRoleIdentifier", 80, label="Role", required=True),
            text("SecurityRoleName", 80),
            choice("AssignmentStatus", "RoleAssignmentStatus", default="Enabled"),
            choice("AssignmentMode", "RoleAssignmentMode", default="Manual"),
        ),
    ),
)
