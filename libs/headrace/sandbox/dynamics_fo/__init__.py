"""A stand-in for Dynamics 365 Finance & Operations: Entra sign-in, OData under /data, business events."""
