"""Pipedrive through REST v2 (v1 where v2 has no twin) and webhooks of both versions."""

from headrace.connectors.pipedrive.config import PipedriveConfig
from headrace.connectors.pipedrive.connection import open_connection
from headrace.connectors.pipedrive.objects import OBJECTS
from headrace.connectors.pipedrive.transforms import transforms as named_functions
from headrace.core.contracts import Connector

CONNECTOR = Connector(
    system="pipedrive", config=PipedriveConfig, open=open_connection, objects=OBJECTS, transforms=named_functions
)

__all__ = ["CONNECTOR"]
