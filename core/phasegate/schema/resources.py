"""The rules of every resource: what `routes.yaml` may hold."""

from __future__ import annotations

from typing import Any

from .managers import SECRETS

Rules = dict[str, Any]

# Dots alone are no name in a path (RFC 3986 section 5.2.4): nobody could ask for such a resource.
_ID = {
    "type": "string",
    "regex": r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}",
    "meta": {"expected": "1 to 64 letters, digits, . _ or -, not . or .. alone"},
}
_HOST: Rules = {
    "type": "string",
    "regex": r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\]",
    "meta": {"expected": "a host name such as example.com or *.example.com, without a port"},
}
_SNI: Rules = {
    "type": "string",
    "regex": r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?",
    "meta": {"expected": "a host name such as example.com or *.example.com"},
}
_PEM: Rules = {"type": "string", "empty": False}
_KEY: Rules = {**_PEM, "secret": True}
_NETWORK: Rules = {"type": "string", "format": "network"}
_URI: Rules = {"type": "string", "empty": False}
_SECONDS: Rules = {"type": "number", "min": 0.001}
_PLUGINS: Rules = {"type": "dict", "default": {}}
_LABELS: Rules = {"type": "dict", "valuesrules": {"type": "string"}, "default": {}}
_LATER: Rules = {"available": []}

_DESCRIPTION: Rules = {"name": {"type": "string", "empty": False}, "desc": {"type": "string"}, "labels": _LABELS}

TIMEOUT: Rules = {
    "type": "dict",
    "schema": {
        "connect": {**_SECONDS, "default": 60},
        "send": {**_SECONDS, "default": 60},
        "read": {**_SECONDS, "default": 60},
    },
}

NODE: Rules = {
    "host": {"type": "string", "required": True, "empty": False},
    "port": {"type": "integer", "min": 1, "max": 65535},
    "weight": {"type": "integer", "min": 0, "default": 1},
    "priority": {"type": "integer", "available": [0]},
    "metadata": _LATER,
}

UPSTREAM: Rules = {
    **_DESCRIPTION,
    "type": {"type": "string", "available": ["roundrobin"], "default": "roundrobin"},
    "nodes": {"type": ["dict", "list"], "required": True},
    "scheme": {"type": "string", "available": ["http", "https"], "default": "http"},
    "pass_host": {"type": "string", "allowed": ["pass", "node", "rewrite"], "default": "pass"},
    "upstream_host": {"type": "string", "empty": False},
    "timeout": TIMEOUT,
    "retries": {"type": "integer", "min": 0},
    "retry_timeout": {"type": "number", "min": 0, "default": 0},
    "keepalive_pool": {
        "type": "dict",
        "schema": {
            "size": {"type": "integer", "min": 1, "default": 320},
            "idle_timeout": {"type": "number", "min": 0, "default": 60},
            "requests": {"type": "integer", "min": 1, "default": 1000},
        },
    },
    "tls": {
        "type": "dict",
        "schema": {
            "verify": {"type": "boolean", "default": True},
            "ca": _PEM,
            "client_cert": _PEM,
            "client_key": _KEY,
            "client_cert_id": _LATER,
        },
    },
    **dict.fromkeys(("hash_on", "key", "checks", "discovery_type", "service_name"), _LATER),
}

_TARGET: Rules = {
    "upstream": {"type": "dict", "schema": UPSTREAM},
    "upstream_id": _ID,
}

ROUTE: Rules = {
    "id": {**_ID, "required": True},
    **_DESCRIPTION,
    "uri": _URI,
    "uris": {"type": "list", "schema": _URI, "minlength": 1},
    "host": _HOST,
    "hosts": {"type": "list", "schema": _HOST, "minlength": 1},
    "methods": {
        "type": "list",
        "minlength": 1,
        "schema": {"type": "string", "regex": "[A-Z]+", "meta": {"expected": "an HTTP method in capitals"}},
    },
    "remote_addr": _NETWORK,
    "remote_addrs": {"type": "list", "schema": _NETWORK, "minlength": 1},
    "vars": {"type": "list", "minlength": 1},
    "priority": {"type": "integer", "default": 0},
    "status": {"type": "integer", "allowed": [0, 1], "default": 1},
    "plugins": _PLUGINS,
    "plugin_config_id": _ID,
    "service_id": _ID,
    "timeout": TIMEOUT,
    "enable_websocket": {"type": "boolean"},
    **_TARGET,
    **dict.fromkeys(("filter_func", "script", "script_id"), _LATER),
}

SERVICE: Rules = {
    "id": {**_ID, "required": True},
    **_DESCRIPTION,
    "hosts": {"type": "list", "schema": _HOST, "minlength": 1},
    "plugins": _PLUGINS,
    "enable_websocket": {"type": "boolean", "default": False},
    **_TARGET,
    "script": _LATER,
}

CONSUMER: Rules = {
    "username": {
        "type": "string",
        "required": True,
        "regex": "[A-Za-z0-9_-]{1,100}",
        "meta": {"expected": "1 to 100 letters, digits, _ or -"},
    },
    "desc": {"type": "string"},
    "labels": _LABELS,
    "plugins": _PLUGINS,
    "group_id": _ID,
}

CREDENTIAL: Rules = {
    "id": {**_ID, "required": True},
    **_DESCRIPTION,
    "plugins": {**_PLUGINS, "required": True},
}

SSL: Rules = {
    "id": {**_ID, "required": True},
    **_DESCRIPTION,
    "cert": {**_PEM, "required": True},
    "key": {**_KEY, "required": True},
    "certs": {"type": "list", "schema": _PEM, "minlength": 1},
    "keys": {"type": "list", "schema": _KEY, "minlength": 1},
    "sni": _SNI,
    "snis": {"type": "list", "schema": _SNI, "minlength": 1},
    "client": {
        "type": "dict",
        "schema": {
            "ca": {**_PEM, "required": True},
            "depth": {"type": "integer", "min": 0, "max": 100},
            "skip_mtls_uri_regex": _LATER,
        },
    },
    "status": {"type": "integer", "allowed": [0, 1], "default": 1},
    "type": {"type": "string", "available": ["server"]},
    "ssl_protocols": _LATER,
}

PLAIN_META: Rules = {
    "disable": {"type": "boolean", "default": False},
    "priority": {"type": "integer"},
}
"""What `_meta` holds where no phase runs: on credentials and `multi-auth`."""

PLUGIN_META: Rules = {
    **PLAIN_META,
    "filter": {"type": "list", "minlength": 1},
    "error_response": {"type": ["string", "dict"]},
}

KINDS: dict[str, Rules] = {
    "routes": ROUTE,
    "services": SERVICE,
    "upstreams": {"id": {**_ID, "required": True}, **UPSTREAM},
    "consumers": CONSUMER,
    "consumer_groups": {"id": {**_ID, "required": True}, **_DESCRIPTION, "plugins": {**_PLUGINS, "required": True}},
    "plugin_configs": {"id": {**_ID, "required": True}, **_DESCRIPTION, "plugins": {**_PLUGINS, "required": True}},
    "plugin_metadata": {"id": {**_ID, "required": True}},
    "global_rules": {"id": {**_ID, "required": True}, "plugins": {**_PLUGINS, "required": True}},
    "secrets": SECRETS,
    "ssls": SSL,
    "credentials": CREDENTIAL,
}

STORED_KINDS = ("credentials",)
"""Kinds that the Admin API alone writes: the file has no list of them."""

LATER_KINDS = ("protos", "stream_routes")

DOCUMENT: Rules = {
    **{kind: {"type": "list", "default": []} for kind in KINDS if kind not in STORED_KINDS},
    **dict.fromkeys(LATER_KINDS, _LATER),
}
