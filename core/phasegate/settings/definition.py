"""The rules of `gateway.yaml`."""

from __future__ import annotations

from typing import Any

from ..limits import RULES

ROUTES_NAME = "routes.yaml"
"""What the file of resources is called where the settings do not say."""

_ADDRESS = {"type": "string", "format": "address"}
_PATH = {"type": "string", "empty": False}
_PREFIX = {
    "type": "string",
    "regex": "[A-Za-z_][A-Za-z0-9_]*",
    "meta": {"expected": "the beginning of variables' names, such as PHASEGATE_"},
}
_LATER: dict[str, Any] = {"available": []}
_ADMIN_KEY: dict[str, Any] = {
    "name": {
        "type": "string",
        "required": True,
        "regex": "[A-Za-z0-9._-]{1,64}",
        "meta": {"expected": "1 to 64 letters, digits, . _ or -"},
    },
    "key": {
        "type": "string",
        "required": True,
        "secret": True,
        "regex": "[!-~]{16,256}",
        "meta": {"expected": "16 to 256 visible ASCII characters without spaces"},
    },
    "role": {"type": "string", "allowed": ["admin", "viewer"], "default": "admin"},
}

DEFINITION: dict[str, Any] = {
    "listen": {
        "type": "list",
        "minlength": 1,
        "default": [{"address": "127.0.0.1:9080"}],
        "schema": {
            "type": "dict",
            "schema": {
                "address": {**_ADDRESS, "required": True},
                "tls": {
                    "type": "dict",
                    "schema": {"cert": {**_PATH, "required": True}, "key": {**_PATH, "required": True}},
                },
            },
        },
    },
    "admin": {
        "type": "dict",
        "default": {},
        "schema": {
            "address": {**_ADDRESS, "default": "127.0.0.1:9180"},
            "keys": {"type": "list", "schema": {"type": "dict", "schema": _ADMIN_KEY}, "default": []},
            "key_places": {
                "type": "list",
                "schema": {"type": "string", "allowed": ["header", "query", "cookie"]},
                "minlength": 1,
                "default": ["header"],
            },
            "cors_origin": {"type": "string", "format": "header-value"},
            "server_header": {"type": "string", "format": "header-value"},
        },
    },
    "workers": {
        "type": ["integer", "string"],
        "anyof": [{"type": "integer", "min": 1, "max": 512}, {"type": "string", "allowed": ["auto"]}],
        "default": "auto",
        "meta": {"expected": "auto or a number of processes from 1 to 512"},
    },
    "plugins": {"type": "list", "schema": {"type": "string"}, "default": []},
    "resources": {
        "type": "dict",
        "default": {},
        "schema": {
            "file": _PATH,
            "store": {"type": "string", "default": "sqlite:var/phasegate.db"},
        },
    },
    "server": {
        "type": "dict",
        "default": {},
        "schema": {
            "protocol": {"type": "string", "allowed": ["native", "hypercorn"], "default": "native"},
            "loop": {"type": "string", "allowed": ["auto", "asyncio", "uvloop"], "default": "auto"},
            "graceful_timeout": {"type": "number", "min": 0, "max": 3600, "default": 30},
        },
    },
    "trusted_proxies": {"type": "list", "schema": {"type": "string", "format": "network"}, "default": []},
    "log": {
        "type": "dict",
        "default": {},
        "schema": {
            "level": {"type": "string", "allowed": ["debug", "info", "warning", "error"], "default": "info"},
            "access": {"type": "string", "allowed": ["stdout", "stderr", "off"], "default": "stdout"},
        },
    },
    "limits": {"type": "dict", "default": {}, "schema": RULES},
    "secrets": {
        "type": "dict",
        "default": {},
        "schema": {
            "keyring": {**_PATH, "default": "var/keyring"},
            "file_roots": {"type": "list", "schema": _PATH, "default": []},
            "env_prefixes": {"type": "list", "schema": _PREFIX, "default": ["PHASEGATE_"]},
        },
    },
    "node": _LATER,
}
