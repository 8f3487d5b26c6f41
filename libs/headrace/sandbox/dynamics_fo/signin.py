"""Who a token is to Finance and Operations: its application must be mapped to an enabled user."""

from __future__ import annotations

from headrace.sandbox.common.control import Sandbox
from headrace.sandbox.common.entra import EntraDirectory, Unauthorized
from headrace.sandbox.dynamics_fo.drafts import Caller
from headrace.sandbox.dynamics_fo.settings import FinanceSettings


class FinanceDirectory(EntraDirectory):
    """The directory, and the applications that F&O knows."""

    def __init__(self, sandbox: Sandbox, settings: FinanceSettings) -> None:
        super().__init__(sandbox, settings)
        self._store = sandbox.store

    def caller(self, authorization: str, origin: str) -> Caller:
        """Return who a request comes from.

        Raises:
            Unauthorized: answer 401.
        """
        claims = self.claims_of(authorization, origin)
        mapping = self._store.get("SysAADClients", f"AADClientId={claims['appid']}")
        user = self._store.get("SystemUsers", f"UserID={mapping.data['UserId']}") if mapping else None
        if user is None or user.data.get("Enabled", "No") != "Yes":
            raise Unauthorized("the application is mapped to no enabled user")
        company = str(user.data.get("Company", "dat")).lower()
        return Caller(claims["appid"], user.data["UserID"], company, claims["oid"])
