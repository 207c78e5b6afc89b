"""Secrets out of HashiCorp Vault's KV engines, versions 1 and 2, over their HTTP API.

It is one GET, for which a client of Vault's own would bring its dependencies and a thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
from yarl import URL

from .parts import parsed
from .syntax import Unresolved

_MOST_BYTES = 1_048_576


async def read_vault(manager: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the keys of a secret. Raise Unresolved. The caller sets the time limit."""
    try:
        url = URL(f"{manager['uri'].rstrip('/')}/v1/{manager['prefix']}/{name}")
        origin = url.origin()
    except ValueError as error:
        raise Unresolved("can't be read, for the manager's uri is no URL: write http://HOST:PORT") from error
    headers = {"X-Vault-Token": manager["token"], "X-Vault-Request": "true"}
    if "namespace" in manager:
        headers["X-Vault-Namespace"] = manager["namespace"]
    try:
        # A redirect would take the token elsewhere.
        async with (
            aiohttp.ClientSession() as session,
            session.get(url, headers=headers, allow_redirects=False) as response,
        ):
            _judge(response.status, f"{manager['prefix']}/{name}")
            return _keys(await _body(response))
    except aiohttp.ClientError as error:
        raise Unresolved(f"Vault at {origin} can't be reached: {type(error).__name__}") from error
    except ValueError as error:
        # A host that is no name, or a token that is no header; its message may show the token.
        raise Unresolved(f"Vault at {origin} can't be asked: mend the manager's uri and token") from error


def _judge(status: int, path: str) -> None:
    if status == 404:
        raise Unresolved(f"Vault has no secret at {path} (404): write it there, or mend the manager's prefix")
    if status in (400, 401, 403):
        raise Unresolved(f"Vault does not let this token read {path} ({status}): give the manager one that may")
    if status != 200:
        raise Unresolved(f"Vault answers {status}: see that it is unsealed, and that the manager's uri is its own")


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise Unresolved(f"Vault's answer has more than {_MOST_BYTES} bytes")
    return bytes(body)


def _keys(body: bytes) -> Mapping[str, Any]:
    answer = parsed(body)
    data = answer.get("data") if isinstance(answer, Mapping) else None
    if not isinstance(data, Mapping):
        raise Unresolved("Vault's answer holds no secret: see that the manager's prefix is the path of a KV engine")
    # Version 2 puts the secret beside its metadata.
    inner = data.get("data")
    if isinstance(inner, Mapping) and isinstance(data.get("metadata"), Mapping) and "version" in data["metadata"]:
        return inner
    return data
