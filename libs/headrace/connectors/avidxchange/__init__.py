"""AvidXchange through the AvidConnect API: vendors and codes out, approved invoices and payments in."""

from headrace.connectors.avidxchange.config import AvidxchangeConfig
from headrace.connectors.avidxchange.connection import open_connection
from headrace.connectors.avidxchange.objects import OBJECTS
from headrace.connectors.avidxchange.transforms import transforms as named_functions
from headrace.core.contracts import Connector

CONNECTOR = Connector(
    system="avidxchange",
    config=AvidxchangeConfig,
    open=open_connection,
    objects=OBJECTS,
    transforms=named_functions,
)

__all__ = ["CONNECTOR"]
