"""Posting: what the client, a batch job or a workflow does with documents, and OData cannot."""
