"""Who may use the Admin API: keys, compared in time that tells nothing of them, and roles."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Callable, Sequence

from ..http.cookies import cookie
from ..http.message import Request
from ..settings import AdminKey
from .answers import Refused
from .attempts import Attempts

_logger = logging.getLogger(__name__)

_READING = frozenset({"GET", "HEAD"})


class Access:
    """Lets requests in by their keys, out of the places where they may stand: `header`, `query`, `cookie`.

    Keys are compared as keyed digests and always with every key, so that the time it takes depends on no guess. Who fails too
    often from one address has to wait; `now` gives the seconds that this is measured in.
    """

    def __init__(
        self, keys: Sequence[AdminKey], places: Sequence[str] = ("header",), now: Callable[[], float] = time.monotonic
    ) -> None:
        self._places = places
        self._seed = secrets.token_bytes(32)
        self._keys = [(self._digest(key.key.value), key) for key in keys]
        self._attempts = Attempts(now)

    def enter(self, request: Request) -> AdminKey:
        """Return whose request it is. Raise Refused: 401, or 429 after too many failures."""
        wait = self._attempts.wait_seconds(request.client)
        if wait:
            self._log(request, "too many failures")
            raise Refused(429, "too many failed tries: wait", {"retry-after": str(wait)})
        given = self._given(request)
        if given is None:
            self._log(request, "missing apikey")
            raise unauthorized("missing apikey")
        key = self._find(given)
        if key is None:
            self._attempts.failed(request.client)
            self._log(request, "wrong apikey")
            raise unauthorized("wrong apikey")
        if key.role == "viewer" and request.method not in _READING:
            self._log(request, "invalid method for role viewer", key.name)
            raise unauthorized("invalid method for role viewer")
        return key

    def _given(self, request: Request) -> str | None:
        """Return the key that the request brings; two headers at once are none, since nobody could say which counts."""
        headers = request.headers.get_all("x-api-key")
        if headers:
            return headers[0] if len(headers) == 1 and "header" in self._places else None
        if "query" in self._places and "api_key" in request.query:
            return request.query.get("api_key")
        return cookie(request.headers, "x_api_key") if "cookie" in self._places and _is_own_page(request) else None

    def _find(self, given: str) -> AdminKey | None:
        digest = self._digest(given)
        found = None
        for known, key in self._keys:
            if hmac.compare_digest(digest, known):
                found = key
        return found

    def _digest(self, key: str) -> bytes:
        return hashlib.blake2b(key.encode(), digest_size=32, key=self._seed).digest()

    @staticmethod
    def _log(request: Request, reason: str, name: str | None = None) -> None:
        fields = {"client": request.client, "method": request.method, "path": request.path, "reason": reason}
        _logger.warning("admin access refused", extra=fields | ({"key_name": name} if name else {}))


def _is_own_page(request: Request) -> bool:
    """Tell whether no page of another site sent the request: browsers add cookies to what those send, too."""
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")


def unauthorized(description: str) -> Refused:
    """Return the refusal of a key that is missing, wrong, or may not do this."""
    body = {"error_msg": "failed to check token", "description": description}
    return Refused(401, body, {"www-authenticate": 'apikey realm="admin"'})
