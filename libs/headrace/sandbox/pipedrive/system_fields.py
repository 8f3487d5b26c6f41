"""The fields that every account has, as the Fields API lists them: v2 code, v1 key, name, type.

Source: field lists of the v1 and v2 Fields API. Where v1 and v2 agree on the name, one is given.
"""

from __future__ import annotations

from collections.abc import Mapping

FIELD_OBJECTS = ("deal", "person", "organization", "product", "activity")

# (v2 code, v1 key, name, type)
SYSTEM_FIELDS: Mapping[str, tuple[tuple[str, str, str, str], ...]] = {
    "deal": (
        ("id", "id", "ID", "int"),
        ("title", "title", "Title", "varchar"),
        ("value", "value", "Value", "monetary"),
        ("currency", "currency", "Currency", "varchar"),
        ("owner_id", "user_id", "Owner", "user"),
        ("creator_user_id", "creator_user_id", "Creator", "user"),
        ("person_id", "person_id", "Contact person", "people"),
        ("org_id", "org_id", "Organization", "org"),
        ("pipeline_id", "pipeline", "Pipeline", "double"),
        ("stage_id", "stage_id", "Stage", "stage"),
        ("status", "status", "Status", "status"),
        ("label_ids", "label", "Label", "set"),
        ("probability", "probability", "Probability", "int"),
        ("expected_close_date", "expected_close_date", "Expected close date", "date"),
        ("lost_reason", "lost_reason", "Lost reason", "varchar_options"),
        ("add_time", "add_time", "Deal created", "date"),
        ("update_time", "update_time", "Update time", "date"),
        ("stage_change_time", "stage_change_time", "Last stage change", "date"),
        ("won_time", "won_time", "Won time", "date"),
        ("lost_time", "lost_time", "Lost time", "date"),
        ("close_time", "close_time", "Deal closed on", "date"),
        ("visible_to", "visible_to", "Visible to", "visible_to"),
        ("origin", "origin", "Source origin", "varchar"),
        ("channel", "channel", "Source channel", "enum"),
        ("channel_id", "channel_id", "Source channel ID", "varchar"),
    ),
    "person": (
        ("id", "id", "ID", "int"),
        ("name", "name", "Name", "varchar"),
        ("first_name", "first_name", "First name", "varchar"),
        ("last_name", "last_name", "Last name", "varchar"),
        ("emails", "email", "Email", "varchar"),
        ("phones", "phone", "Phone", "phone"),
        ("org_id", "org_id", "Organization", "org"),
        ("owner_id", "owner_id", "Owner", "user"),
        ("label_ids", "label_ids", "Labels", "set"),
        ("visible_to", "visible_to", "Visible to", "visible_to"),
        ("add_time", "add_time", "Person created", "date"),
        ("update_time", "update_time", "Update time", "date"),
    ),
    "organization": (
        ("id", "id", "ID", "int"),
        ("name", "name", "Name", "varchar"),
        ("address", "address", "Address", "address"),
        ("owner_id", "owner_id", "Owner", "user"),
        ("label_ids", "label_ids", "Labels", "set"),
        ("visible_to", "visible_to", "Visible to", "visible_to"),
        ("add_time", "add_time", "Organization created", "date"),
        ("update_time", "update_time", "Update time", "date"),
    ),
    "product": (
        ("id", "id", "ID", "int"),
        ("name", "name", "Name", "varchar"),
        ("code", "code", "Product code", "varchar"),
        ("description", "description", "Description", "text"),
        ("unit", "unit", "Unit", "varchar"),
        ("tax", "tax", "Tax", "double"),
        ("category", "category", "Category", "enum"),
        ("owner_id", "owner_id", "Owner", "user"),
        ("is_linkable", "selectable", "Active", "boolean"),
        ("prices", "unit_price", "Unit prices", "price_list"),
        ("visible_to", "visible_to", "Visible to", "visible_to"),
        ("add_time", "add_time", "Created", "date"),
        ("update_time", "update_time", "Update time", "date"),
    ),
    "activity": (
        ("id", "id", "ID", "int"),
        ("subject", "subject", "Subject", "varchar"),
        ("type", "type", "Type", "enum"),
        ("owner_id", "user_id", "Assigned to user", "user"),
        ("deal_id", "deal_id", "Deal", "deal"),
        ("person_id", "person_id", "Contact person", "people"),
        ("org_id", "org_id", "Organization", "org"),
        ("due_date", "due_date", "Due date", "date"),
        ("due_time", "due_time", "Due time", "time"),
        ("duration", "duration", "Duration", "time"),
        ("done", "done", "Done", "boolean"),
        ("note", "note", "Note", "text"),
        ("add_time", "add_time", "Add time", "date"),
        ("update_time", "update_time", "Update time", "date"),
    ),
}
# Labels and product categories of a new account; ids come from the account's one counter of options.
SYSTEM_OPTIONS: Mapping[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("deal", "label_ids"): (("Hot", "red"), ("Warm", "yellow"), ("Cold", "blue")),
    ("person", "label_ids"): (("Customer", "green"), ("Hot lead", "red"), ("Cold lead", "blue")),
    ("organization", "label_ids"): (("Customer", "green"), ("Vendor", "blue")),
    ("product", "category"): (("Goods", "green"), ("Service", "blue")),
}
