"""The application behind the admin address."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ..application import Application, Passage
from ..errors import RequestError
from ..gateway import Gateway
from ..http.address import Network
from ..http.hygiene import client_address, refusal
from ..http.message import Request, Response
from ..schema.tables import Schemas
from ..settings import AdminKey, AdminSettings
from .access import Access
from .answers import Refused, answer
from .call import PREFIX, Call
from .desk import Desk
from .endpoints import Endpoints
from .explaining import Explaining

_logger = logging.getLogger(__name__)

_ALLOWED = {
    "access-control-allow-methods": "GET, HEAD, PUT, POST, PATCH, DELETE",
    "access-control-allow-headers": "X-API-KEY, Content-Type, If-Match, If-None-Match",
    "access-control-max-age": "600",
}
_EXPOSED = "ETag, Retry-After, X-API-VERSION"


class Admin:
    """Answers `GET /healthz` with 200 while this worker serves, and the Admin API below `/apisix/admin` by its desk.

    `keys` are those that are let in: the settings' own, or the one that was made.
    """

    def __init__(
        self,
        desk: Desk,
        schemas: Schemas,
        keys: Sequence[AdminKey],
        settings: AdminSettings,
        trusted_proxies: tuple[Network, ...] = (),
        *,
        explaining: Explaining,
    ) -> None:
        self.settings = settings
        self.trusted_proxies = trusted_proxies
        self.access = Access(keys, settings.key_places)
        self.endpoints = Endpoints(desk, schemas, explaining, keys)

    def begin(self, request: Request, refused: RequestError | None = None) -> Passage:
        """Take a request in."""
        request.client, request.peer_trusted = client_address(request.headers, request.peer, self.trusted_proxies)
        return _AdminPassage(self, request, refusal(refused))


class Shared:
    """One port for the gateway and the admin side, for when both have the same address.

    A host's rule for client certificates holds for both.
    """

    def __init__(self, admin: Application, gateway: Gateway) -> None:
        self._admin = admin
        self._gateway = gateway

    def begin(self, request: Request, refused: RequestError | None = None) -> Passage:
        """Take a request in, by its path."""
        is_admin = request.path == "/healthz" or _is_api(request.path)
        if not is_admin:
            return self._gateway.begin(request, refused)
        return self._admin.begin(request, refusal(refused) or self._gateway.misdirected(request))


class _AdminPassage:
    def __init__(self, admin: Admin, request: Request, refused: RequestError | None) -> None:
        self._admin = admin
        self._request = request
        self._refused = refused

    async def answer(self) -> Response:
        try:
            response = await self._response()
        except Refused as refused:
            response = refused.response()
        except RequestError as error:
            response = _error(error)
        self._dress(response)
        return response

    async def finish(self, error: RequestError | None, bytes_sent: int) -> None:
        self._request.body.close()

    async def _response(self) -> Response:
        request = self._request
        if self._refused is not None:
            raise self._refused
        if request.path == "/healthz":
            return _health(request)
        if not _is_api(request.path):
            raise Refused(404, "404 Not Found")
        if request.method == "OPTIONS" and self._admin.settings.cors_origin:
            return Response(204, _ALLOWED)
        if request.method == "HEAD" and request.path.rstrip("/") == PREFIX:
            return Response(200)
        call = Call(request, self._admin.access.enter(request))
        return await self._admin.endpoints.answer(call)

    def _dress(self, response: Response) -> None:
        settings = self._admin.settings
        response.headers["server"] = settings.server_header
        response.headers["cache-control"] = "no-store"
        response.headers["x-content-type-options"] = "nosniff"
        if _is_api(self._request.path):
            response.headers["x-api-version"] = "v3"
            if settings.cors_origin:
                response.headers["access-control-allow-origin"] = settings.cors_origin
                # On every answer: the one to a preflight counts for nothing here (Fetch, section 3.3.4).
                response.headers["access-control-expose-headers"] = _EXPOSED


def _is_api(path: str) -> bool:
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def _health(request: Request) -> Response:
    if request.method not in ("GET", "HEAD"):
        raise Refused(405, "use GET", {"allow": "GET, HEAD"})
    return answer({"status": "ok"})


def _error(error: RequestError) -> Response:
    """Answer for what the listener refused, or what befell a body on its way in."""
    reason = str(error) if 400 <= error.status < 500 else error.title
    return answer({"error_msg": reason, "code": error.code}, error.status)
