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
_LATER: dict[str, Any] = {"available": [], "about": "Not available in this version."}
_ADMIN_KEY: dict[str, Any] = {
    "name": {
        "type": "string",
        "required": True,
        "regex": "[A-Za-z0-9._-]{1,64}",
        "meta": {"expected": "1 to 64 letters, digits, . _ or -"},
        "about": "What revisions and logs call the key's holder.",
    },
    "key": {
        "type": "string",
        "required": True,
        "secret": True,
        "regex": "[!-~]{16,256}",
        "meta": {"expected": "16 to 256 visible ASCII characters without spaces"},
        "about": "The key itself.",
    },
    "role": {
        "type": "string",
        "allowed": ["admin", "viewer"],
        "default": "admin",
        "about": "Whether the holder may change things, or only read, and see no secret.",
    },
}

DEFINITION: dict[str, Any] = {
    "listen": {
        "type": "list",
        "minlength": 1,
        "default": [{"address": "127.0.0.1:9080"}],
        "about": "The addresses that take requests, each HTTP/1.1 and HTTP/2 on one port.",
        "schema": {
            "type": "dict",
            "schema": {
                "address": {**_ADDRESS, "required": True, "about": "Where to listen; port 0 lets the system choose."},
                "tls": {
                    "type": "dict",
                    "about": "Makes it HTTPS, with ALPN for HTTP/2.",
                    "schema": {
                        "cert": {
                            **_PATH,
                            "required": True,
                            "about": "The file of the certificate chain, in PEM's form.",
                        },
                        "key": {**_PATH, "required": True, "about": "The file of its unencrypted key, in PEM's form."},
                    },
                },
            },
        },
    },
    "admin": {
        "type": "dict",
        "default": {},
        "about": "Where and for whom the Admin API is.",
        "schema": {
            "address": {
                **_ADDRESS,
                "default": "127.0.0.1:9180",
                "about": "Where the Admin API and the health check answer; it may be one of `listen`.",
            },
            "keys": {
                "type": "list",
                "schema": {"type": "dict", "schema": _ADMIN_KEY},
                "default": [],
                "about": "Who may use the Admin API; without any a key is made and kept in var/admin-key.",
            },
            "key_places": {
                "type": "list",
                "schema": {"type": "string", "allowed": ["header", "query", "cookie"]},
                "minlength": 1,
                "default": ["header"],
                "about": "Where a key may stand in a request.",
            },
            "cors_origin": {
                "type": "string",
                "format": "header-value",
                "about": "The origin whose pages may call the Admin API.",
            },
            "server_header": {
                "type": "string",
                "format": "header-value",
                "about": "What the admin address says of itself as Server.",
            },
        },
    },
    "workers": {
        "type": ["integer", "string"],
        "anyof": [{"type": "integer", "min": 1, "max": 512}, {"type": "string", "allowed": ["auto"]}],
        "default": "auto",
        "meta": {"expected": "auto or a number of processes from 1 to 512"},
        "about": "How many processes serve; auto is one for each core that may be used.",
    },
    "plugins": {
        "type": "list",
        "schema": {"type": "string"},
        "default": [],
        "about": "The enabled plugins; only these are imported.",
    },
    "resources": {
        "type": "dict",
        "default": {},
        "about": "Where routes and all other resources are.",
        "schema": {
            "file": {**_PATH, "about": "The file of resources."},
            "store": {
                "type": "string",
                "default": "sqlite:var/phasegate.db",
                "about": "Where the Admin API keeps what it writes: sqlite:FILE, etcd:URL/PREFIX, or none.",
            },
        },
    },
    "server": {
        "type": "dict",
        "default": {},
        "about": "How requests are served.",
        "schema": {
            "protocol": {
                "type": "string",
                "allowed": ["native", "hypercorn"],
                "default": "native",
                "about": "What speaks HTTP: our own listener, or stock Hypercorn.",
            },
            "loop": {
                "type": "string",
                "allowed": ["auto", "asyncio", "uvloop"],
                "default": "auto",
                "about": "The event loop; auto is uvloop where it is installed.",
            },
            "graceful_timeout": {
                "type": "number",
                "min": 0,
                "max": 3600,
                "default": 30,
                "about": "Seconds that requests have to finish when the gateway stops.",
            },
        },
    },
    "trusted_proxies": {
        "type": "list",
        "schema": {"type": "string", "format": "network"},
        "default": [],
        "about": "Addresses and blocks of the proxies whose X-Forwarded fields are believed.",
    },
    "log": {
        "type": "dict",
        "default": {},
        "about": "What is written, and where.",
        "schema": {
            "level": {
                "type": "string",
                "allowed": ["debug", "info", "warning", "error"],
                "default": "info",
                "about": "The least severe lines that are written to standard error.",
            },
            "access": {
                "type": "string",
                "allowed": ["stdout", "stderr", "off"],
                "default": "stdout",
                "about": "Where the line of each request goes.",
            },
        },
    },
    "limits": {"type": "dict", "default": {}, "schema": RULES, "about": "What clients may ask of the listener."},
    "secrets": {
        "type": "dict",
        "default": {},
        "about": "Where secrets come from, and what seals them.",
        "schema": {
            "keyring": {
                **_PATH,
                "default": "var/keyring",
                "about": "The file of the keys that seal secrets in the store.",
            },
            "file_roots": {
                "type": "list",
                "schema": _PATH,
                "default": [],
                "about": "The folders that $file:// reads from, those below them too.",
            },
            "env_prefixes": {
                "type": "list",
                "schema": _PREFIX,
                "default": ["PHASEGATE_"],
                "about": "The beginnings of the names of variables that $env:// reads.",
            },
        },
    },
    "node": _LATER,
}
