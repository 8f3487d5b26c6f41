"""Microsoft Entra ID on the sandbox's own origin: token endpoints v2 and v1, discovery, and the check of tokens.

Claims and error codes follow the Entra documentation of the client credentials flow. Who an application is to the
system behind, each system says.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.sandbox.common.control import Sandbox, json_response

CLIENTS = "#clients"
TENANT = "#tenant"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class TokenSettings(Protocol):
    """The switches that tokens depend on."""

    token_lifetime_seconds: int
    resource_url: str


class Unauthorized(Exception):
    """The token is missing, unknown, expired, for another audience, or its application is nobody to the system."""


class _Refused(Exception):
    def __init__(self, status: int, error: str, code: int, text: str) -> None:
        super().__init__(text)
        self.status, self.error, self.code = status, error, code


class EntraDirectory:
    """Issues and checks tokens; issued tokens are forgotten when the sandbox restarts, as if they had expired."""

    def __init__(self, sandbox: Sandbox, settings: TokenSettings) -> None:
        self._sandbox = sandbox
        self._settings = settings
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._key_id = uuid.uuid4().hex
        self._issued: dict[str, Mapping[str, Any]] = {}

    def register(self, client: Mapping[str, Any], now: datetime) -> None:
        """Add an application inside a transaction: `client_id`, `client_secret` and/or `certificate_pem`."""
        secret = client.get("client_secret")
        data = {
            "secret_sha256": _digest(str(secret)) if secret else "",
            "certificate_pem": str(client.get("certificate_pem", "")),
            "object_id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(client["client_id"]))),
        }
        self._sandbox.store.put(CLIENTS, str(client["client_id"]), data, now)

    def expire_tokens(self) -> int:
        """Forget all issued tokens and return how many there were."""
        count = len(self._issued)
        self._issued.clear()
        return count

    def claims_of(self, authorization: str, origin: str) -> Mapping[str, Any]:
        """Return what the token of a request says.

        Raises:
            Unauthorized: answer 401.
        """
        scheme, _, token = authorization.partition(" ")
        claims = self._issued.get(token) if scheme.lower() == "bearer" else None
        if claims is None:
            raise Unauthorized("no token, or one that was not issued here")
        if claims["exp"] <= self._sandbox.clock.now().timestamp():
            del self._issued[token]
            raise Unauthorized("the token has expired")
        if claims["aud"] != (self._settings.resource_url or origin):
            raise Unauthorized("the token is for another audience")
        return claims

    def routes(self) -> list[Route]:
        """Return the directory's routes."""
        return [
            Route("/common/discovery/instance", self._instance_discovery),
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self._configuration),
            Route("/{tenant}/.well-known/openid-configuration", self._configuration),
            Route("/{tenant}/discovery/v2.0/keys", self._keys),
            Route("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
            Route("/{tenant}/oauth2/token", self._token, methods=["POST"]),
        ]

    async def _instance_discovery(self, request: Request) -> Response:
        endpoint = request.query_params.get("authorization_endpoint", "")
        # msal names the host without its port, so only the tenant is taken from what it asks about.
        tenant = urlsplit(endpoint).path.strip("/").partition("/")[0] or "common"
        base = f"{origin_of(request)}/{tenant}"
        return json_response(
            {
                "tenant_discovery_endpoint": f"{base}/v2.0/.well-known/openid-configuration",
                "api-version": "1.1",
                "metadata": [],
            }
        )

    async def _configuration(self, request: Request) -> Response:
        tenant = request.path_params["tenant"]
        if not self._knows(tenant):
            return _error(_Refused(400, "invalid_tenant", 90002, f"Tenant '{tenant}' not found."), self._now())
        base = f"{origin_of(request)}/{tenant}"
        return json_response(
            {
                "issuer": f"{base}/v2.0",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
                "response_types_supported": ["code"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def _keys(self, request: Request) -> Response:
        key = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return json_response({"keys": [{**key, "kid": self._key_id, "use": "sig", "alg": "RS256"}]})

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        version_2 = "/v2.0/" in request.url.path
        try:
            resource = _resource(form, version_2)
            client_id = self._authenticate(request, form)
        except _Refused as refusal:
            return _error(refusal, self._now())
        claims = self._issue(request, client_id, resource, version_2)
        token = jwt.encode(dict(claims), self._key, algorithm="RS256", headers={"kid": self._key_id})
        self._issued[token] = claims
        lifetime = self._settings.token_lifetime_seconds
        answer: dict[str, Any] = {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime}
        if not version_2:
            answer = {name: str(value) for name, value in answer.items()}
            answer |= {"expires_on": str(claims["exp"]), "not_before": str(claims["nbf"]), "resource": resource}
        return json_response({**answer, "access_token": token}, headers={"cache-control": "no-store"})

    def _issue(self, request: Request, client_id: str, resource: str, version_2: bool) -> Mapping[str, Any]:
        now = self._now()
        client = self._sandbox.store.get(CLIENTS, client_id)
        object_id = client.data["object_id"] if client else ""
        tenant = request.path_params["tenant"]
        return {
            "aud": resource,
            "iss": f"https://sts.windows.net/{tenant}/",
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + timedelta(seconds=self._settings.token_lifetime_seconds)).timestamp()),
            "appid": client_id,
            "oid": object_id,
            "sub": object_id,
            "tid": tenant,
            "uti": uuid.uuid4().hex,
            "ver": "1.0",
        }

    def _authenticate(self, request: Request, form: Mapping[str, str]) -> str:
        tenant = request.path_params["tenant"]
        if not self._knows(tenant):
            raise _Refused(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if form.get("grant_type") != "client_credentials":
            raise _Refused(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        client_id = form.get("client_id", "")
        client = self._sandbox.store.get(CLIENTS, client_id)
        if client is None:
            text = f"Application with identifier '{client_id}' was not found in the directory '{tenant}'."
            raise _Refused(400, "unauthorized_client", 700016, text)
        if "client_assertion" in form:
            self._check_assertion(request, client_id, client.data, form)
        elif not client.data["secret_sha256"] or not hmac.compare_digest(
            client.data["secret_sha256"], _digest(form.get("client_secret", ""))
        ):
            raise _Refused(401, "invalid_client", 7000215, "Invalid client secret provided.")
        return client_id

    def _check_assertion(
        self, request: Request, client_id: str, client: Mapping[str, Any], form: Mapping[str, str]
    ) -> None:
        if form.get("client_assertion_type") != _ASSERTION_TYPE:
            raise _Refused(400, "invalid_request", 900144, "The parameter 'client_assertion_type' is missing or wrong.")
        if not client["certificate_pem"]:
            raise _Refused(401, "invalid_client", 700027, "The certificate is not registered on the application.")
        key = x509.load_pem_x509_certificate(client["certificate_pem"].encode()).public_key()
        base = f"{origin_of(request)}/{request.path_params['tenant']}"
        audiences = [f"{base}/oauth2/v2.0/token", f"{base}/oauth2/token", f"{base}/v2.0", base]
        if not isinstance(key, rsa.RSAPublicKey):
            raise _Refused(401, "invalid_client", 700027, "The registered certificate does not hold an RSA key.")
        try:
            claims = jwt.decode(form["client_assertion"], key, algorithms=["RS256", "PS256"], audience=audiences)
        except jwt.InvalidTokenError as error:
            text = f"Client assertion failed signature or claims validation ({type(error).__name__})."
            raise _Refused(401, "invalid_client", 700027, text) from error
        if claims.get("iss") != client_id or claims.get("sub") != client_id:
            raise _Refused(401, "invalid_client", 700021, "Client assertion issuer and subject must be the client id.")

    def _knows(self, tenant: str) -> bool:
        record = self._sandbox.store.get(TENANT, "tenant")
        return record is not None and tenant == record.data["id"]

    def _now(self) -> datetime:
        return self._sandbox.clock.now()


def _resource(form: Mapping[str, str], version_2: bool) -> str:
    if not version_2:
        if not form.get("resource"):
            raise _Refused(400, "invalid_request", 900144, "The request body must contain the parameter 'resource'.")
        return form["resource"]
    scope = form.get("scope", "")
    if not scope.endswith("/.default"):
        raise _Refused(
            400,
            "invalid_scope",
            70011,
            f"The provided value for the input parameter 'scope' ({scope}) is "
            "not valid. Client credential flows must have a scope value with /.default suffixed.",
        )
    return scope.removesuffix("/.default")


def _error(refusal: _Refused, now: datetime) -> Response:
    body = {
        "error": refusal.error,
        "error_description": f"AADSTS{refusal.code}: {refusal}",
        "error_codes": [refusal.code],
        "timestamp": f"{now:%Y-%m-%d %H:%M:%S}Z",
        "trace_id": str(uuid.uuid4()),
        "correlation_id": str(uuid.uuid4()),
    }
    return json_response(body, refusal.status)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def origin_of(request: Request) -> str:
    """Return scheme, host and port that a request was sent to."""
    return f"{request.url.scheme}://{request.url.netloc}"
