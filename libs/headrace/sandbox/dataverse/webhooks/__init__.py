"""Webhooks: who is to hear of a change, what is sent, and what becomes of it."""
