"""Names that mappings use of a connection, held against the system when a worker starts.

A wrong name stops nothing: what needs it is refused one by one, with the remedy. This tells it before the first event.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from headrace.core.contracts import Check, Checked, CheckState, Connection, Connector
from headrace.core.errors import ConfigurationError, HeadraceError
from headrace.core.needs import Needs
from headrace.mapping.documents import InMapping, OutMapping
from headrace.mapping.needs import System, needs_of
from headrace.platform.paths import schemas_dir
from headrace.platform.schemas import Schemas

logger = logging.getLogger(__name__)


async def check_names(
    name: str, connector: Connector, connection: Connection, documents: Iterable[InMapping | OutMapping]
) -> list[Check]:
    """Log every name that the system does not have, with the remedy, and return these lines.

    Args:
        name: of the connection.
        connector: its system's.
        connection: it, opened; one that is not `Checked` tells nothing.
        documents: the mappings that this worker uses of it.
    """
    if not isinstance(connection, Checked):
        return []
    try:
        schemas = Schemas(schemas_dir())
        listed = list(documents)
        entities = {each.entity: schemas.entity_fields(each.entity) for each in listed}
        system = System(entities, connector.objects, connector.transforms(None))
        found = await connection.check_names(Needs(needs_of(listed, system)))
    except (HeadraceError, ConfigurationError) as error:
        logger.warning("names could not be checked now", extra={"connection": name, "reason": str(error)})
        return []
    wrong = [check for check in found if check.state is CheckState.FAIL]
    for check in wrong:
        logger.error(
            "a mapping uses what the system does not have",
            extra={"connection": name, "check": check.name, "detail": check.detail, "remedy": check.remedy},
        )
    return wrong
