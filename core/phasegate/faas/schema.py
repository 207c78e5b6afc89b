"""The rules of the fields that all function plugins have."""

from __future__ import annotations

from typing import Any

from .resilience import RESILIENCE


def _milliseconds(about: str, minimum: int, default: int | None = None) -> dict[str, Any]:
    rules: dict[str, Any] = {"type": "integer", "min": minimum, "about": about}
    return rules if default is None else {**rules, "default": default}


FUNCTION: dict[str, Any] = {
    "function_uri": {"type": "string", "format": "url", "required": True, "about": "The function's URL."},
    "endpoint": {"type": "string", "format": "url", "about": "A URL to connect to instead: an emulator, a tunnel."},
    "host": {
        "type": "string",
        "regex": r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?",
        "meta": {"expected": "a host name, with a port where one is sent"},
        "about": "What is sent as Host instead of the URL's own.",
    },
    "timeout": _milliseconds(
        "Milliseconds to the head of the answer; without `idle_timeout` for each wait after it, too.", 100, 3000
    ),
    "connect_timeout": _milliseconds("Milliseconds to connect, TLS included.", 1, 2000),
    "idle_timeout": _milliseconds("Milliseconds of each wait for the next part of the answer's body.", 1),
    "stream_timeout": _milliseconds("Milliseconds for the whole body of the answer.", 1, 900_000),
    "ssl_verify": {"type": "boolean", "default": True, "about": "Verify the function's certificate."},
    "keepalive": {"type": "boolean", "default": True, "about": "Keep connections for later requests."},
    "keepalive_pool": {
        "type": "integer",
        "min": 1,
        "default": 5,
        "about": "How many connections each worker keeps idle.",
    },
    "keepalive_timeout": _milliseconds("Milliseconds that an unused connection is kept.", 1000, 60_000),
    "max_req_body_size": {
        "type": "integer",
        "min": 1,
        "default": 67_108_864,
        "about": "Bytes of a request's body; more is answered with 413.",
    },
    "forward_client_credentials": {
        "type": "boolean",
        "default": False,
        "about": "Let a credential that the client sent go on, and leave ours out.",
    },
    **RESILIENCE,
}
