"""Headrace: event-streaming microservices that keep Dynamics and the systems around it in step."""
