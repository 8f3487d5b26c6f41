"""Who a token is to Dataverse: its application must be bound to an application user of the environment."""

from __future__ import annotations

from dataclasses import replace

from headrace.sandbox.common.control import Sandbox
from headrace.sandbox.common.entra import EntraDirectory
from headrace.sandbox.dataverse.contexts import Caller
from headrace.sandbox.dataverse.errors import NOT_A_MEMBER, ServiceError
from headrace.sandbox.dataverse.security import Security
from headrace.sandbox.dataverse.settings import DataverseSettings


class DataverseDirectory(EntraDirectory):
    """The directory, and the application users that the environment knows."""

    def __init__(self, sandbox: Sandbox, settings: DataverseSettings, security: Security) -> None:
        super().__init__(sandbox, settings)
        self._store = sandbox.store
        self._security = security

    def caller(self, authorization: str, origin: str, acting_for: str = "") -> Caller:
        """Return who a request comes from.

        Args:
            authorization: the header.
            origin: what the request was sent to.
            acting_for: `CallerObjectId`, the Entra object id of the user in whose name it is done.

        Raises:
            Unauthorized: answer 401.
            ServiceError: a 403, the token is good but nobody's here.
        """
        claims = self.claims_of(authorization, origin)
        caller = self._user("applicationid", str(claims["appid"]), str(claims["appid"]))
        if not acting_for:
            return caller
        impersonated = self._user("azureactivedirectoryobjectid", acting_for, caller.client_id)
        return replace(impersonated, acting_for=caller.user_id)

    def _user(self, column: str, value: str, client_id: str) -> Caller:
        for record in self._store.find("systemuser", column, value):
            if record.data.get("isdisabled"):
                raise ServiceError(
                    403, "0x80040225", f"The user with SystemUserId={record.key} in OrganizationContext is disabled."
                )
            unit = str(record.data.get("businessunitid", ""))
            return Caller(record.key, client_id, unit, self._security.roles_of(record.key))
        raise ServiceError(403, NOT_A_MEMBER, "The user is not a member of the organization.")
