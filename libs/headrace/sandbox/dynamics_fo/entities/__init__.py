"""Entities as data: one declaration file per area."""
