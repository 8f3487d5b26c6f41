"""RecordEngine, which reads documents by machine: exported documents in, files with what they belong to out."""

from headrace.connectors.recordengine.config import RecordengineConfig
from headrace.connectors.recordengine.connection import open_connection
from headrace.connectors.recordengine.objects import OBJECTS
from headrace.connectors.recordengine.transforms import transforms as named_functions
from headrace.core.contracts import Connector

CONNECTOR = Connector(
    system="recordengine",
    config=RecordengineConfig,
    open=open_connection,
    objects=OBJECTS,
    transforms=named_functions,
)

__all__ = ["CONNECTOR"]
