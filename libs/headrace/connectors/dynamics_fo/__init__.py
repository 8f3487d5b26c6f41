"""Dynamics 365 Finance and Operations through OData and business events."""

from headrace.connectors.dynamics_fo.config import DynamicsFoConfig
from headrace.connectors.dynamics_fo.connection import open_connection
from headrace.connectors.dynamics_fo.objects import OBJECTS
from headrace.connectors.dynamics_fo.transforms import transforms as named_functions
from headrace.core.contracts import Connector

CONNECTOR = Connector(
    system="dynamics_fo", config=DynamicsFoConfig, open=open_connection, objects=OBJECTS, transforms=named_functions
)

__all__ = ["CONNECTOR"]
