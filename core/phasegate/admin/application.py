"""The application behind the admin address."""

from __future__ import annotations

from ..application import Application, Passage
from ..errors import RequestError
from ..http.message import Request, Response
from ..http.problem import error_response

_PREFIXES = ("/apisix/",)


class Admin:
    """Answers `GET /healthz` with 200 while this worker serves; everything else is 404."""

    def begin(self, request: Request, refused: RequestError | None = None) -> Passage:
        """Take a request in."""
        return _AdminPassage(request, refused)


class Shared:
    """One port for the gateway and the admin side, for when both have the same address."""

    def __init__(self, admin: Application, gateway: Application) -> None:
        self._admin = admin
        self._gateway = gateway

    def begin(self, request: Request, refused: RequestError | None = None) -> Passage:
        """Take a request in, by its path."""
        is_admin = request.path == "/healthz" or request.path.startswith(_PREFIXES)
        return (self._admin if is_admin else self._gateway).begin(request, refused)


class _AdminPassage:
    def __init__(self, request: Request, refused: RequestError | None) -> None:
        self._request = request
        self._refused = refused

    async def answer(self) -> Response:
        response = self._response()
        response.headers["server"] = "Phasegate"
        response.headers["cache-control"] = "no-store"
        return response

    async def finish(self, error: RequestError | None, bytes_sent: int) -> None:
        self._request.body.close()

    def _response(self) -> Response:
        if self._refused is not None:
            return error_response(self._refused, None)
        if self._request.path != "/healthz":
            return Response.json({"error_msg": "404 Not Found"}, 404)
        if self._request.method not in ("GET", "HEAD"):
            refused = Response.json({"error_msg": "use GET"}, 405)
            refused.headers["allow"] = "GET, HEAD"
            return refused
        return Response.json({"status": "ok"})
