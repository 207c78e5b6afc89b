"""What is written: a route among few, and one among ten thousand; each write gives it a path of its own."""

from __future__ import annotations

import json
from typing import Any

from .line import request
from .node import ADMIN_KEY

ROUTES = 10_000
CHANGED = f"r{ROUTES // 2}"
"""The one of all those routes that is changed."""
_NOBODY = {"type": "roundrobin", "nodes": {"127.0.0.1:9": 1}}


def path_of(number: int) -> str:
    """Return the path that a write gives its route."""
    return f"/changed/{number}"


def small(number: int) -> bytes:
    """Return the request for a route that stands alone, which asks for a key."""
    return put("probe", {"uri": path_of(number), "plugins": {"key-auth": {}}, "upstream": _NOBODY})


def among_many(number: int) -> bytes:
    """Return the request for one of the many routes, as it was but for its path."""
    return put(CHANGED, {**route(ROUTES // 2), "uri": path_of(number)})


def put(id_: str, value: dict[str, Any]) -> bytes:
    """Return the request that writes a route."""
    return request("PUT", f"/apisix/admin/routes/{id_}", ADMIN_KEY, json.dumps({**value, "id": id_}).encode())


def everything() -> bytes:
    """Return the request that writes all the routes as one revision."""
    writes = [{"kind": "routes", "id": each["id"], "value": each} for each in routes()]
    return request("POST", "/apisix/admin/changes", ADMIN_KEY, json.dumps({"writes": writes}).encode())


def routes() -> list[dict[str, Any]]:
    """Return the many routes, all different, each with three plugins."""
    return [route(number) for number in range(ROUTES)]


def route(number: int) -> dict[str, Any]:
    """Return one of them."""
    function = {
        "function_uri": f"https://function{number}.lambda-url.eu-west-1.on.aws/",
        "authorization": {"apikey": f"an-api-key-of-the-usual-length-of-{number:06}"},
        "timeout": 3000 + number,
    }
    plugins = {
        "key-auth": {"header": f"x-key-{number}"},
        "aws-lambda": function,
        "stamp": {"value": f"route {number}"},
    }
    return {"id": f"r{number}", "uri": f"/r/{number}/*", "methods": ["GET", "POST"], "plugins": plugins}
