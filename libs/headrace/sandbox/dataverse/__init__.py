"""Dynamics 365 Sales and other model-driven apps through the Dataverse Web API v9.2."""
