"""Dynamics 365 Sales and other tables of Dataverse through the Web API and service endpoint webhooks."""

from headrace.connectors.dataverse.config import DataverseConfig
from headrace.connectors.dataverse.connection import open_connection
from headrace.connectors.dataverse.objects import OBJECTS
from headrace.connectors.dataverse.transforms import transforms as named_functions
from headrace.core.contracts import Connector

CONNECTOR = Connector(
    system="dataverse", config=DataverseConfig, open=open_connection, objects=OBJECTS, transforms=named_functions
)

__all__ = ["CONNECTOR"]
