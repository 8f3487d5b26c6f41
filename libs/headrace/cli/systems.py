"""The systems that there are: one explicit list, no discovery."""

from __future__ import annotations

from headrace.connectors.avidxchange import CONNECTOR as AVIDXCHANGE
from headrace.connectors.dataverse import CONNECTOR as DATAVERSE
from headrace.connectors.dynamics_fo import CONNECTOR as DYNAMICS_FO
from headrace.connectors.pipedrive import CONNECTOR as PIPEDRIVE
from headrace.connectors.recordengine import CONNECTOR as RECORDENGINE
from headrace.core.contracts import Connector

CONNECTORS: tuple[Connector, ...] = (AVIDXCHANGE, DATAVERSE, DYNAMICS_FO, PIPEDRIVE, RECORDENGINE)
