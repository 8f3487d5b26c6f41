"""A local stand-in for Pipedrive: REST v1 and v2, OAuth, webhooks v1 and v2, rate limits, over one store."""
