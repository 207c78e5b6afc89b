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
_OWN_ID: Rules = {**_ID, "required": True, "about": "The name by which others refer to it."}
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
_PLUGINS: Rules = {"type": "dict", "default": {}, "about": "Plugins by name, each with its configuration."}
_LABELS: Rules = {
    "type": "dict",
    "valuesrules": {"type": "string"},
    "default": {},
    "about": "Names and texts for people.",
}
_LATER: Rules = {"available": [], "about": "Not available in this version."}

_DESCRIPTION: Rules = {
    "name": {"type": "string", "empty": False, "about": "A name for people."},
    "desc": {"type": "string", "about": "A description for people."},
    "labels": _LABELS,
}

TIMEOUT: Rules = {
    "type": "dict",
    "about": "How long an upstream may take.",
    "schema": {
        "connect": {**_SECONDS, "default": 60, "about": "Seconds to connect."},
        "send": {
            **_SECONDS,
            "default": 60,
            "about": "Seconds that the upstream has to take the next part of the body.",
        },
        "read": {**_SECONDS, "default": 60, "about": "Seconds that it has to answer, or to go on with its answer."},
    },
}

NODE: Rules = {
    "host": {"type": "string", "required": True, "empty": False, "about": "The node's name or address."},
    "port": {"type": "integer", "min": 1, "max": 65535, "about": "The node's port; without it the scheme's."},
    "weight": {
        "type": "integer",
        "min": 0,
        "default": 1,
        "about": "Its share of the requests, as a weight among the others'; 0 gets nothing.",
    },
    "priority": {"type": "integer", "available": [0], "about": "0 is all there is in this version."},
    "metadata": _LATER,
}

UPSTREAM: Rules = {
    **_DESCRIPTION,
    "type": {
        "type": "string",
        "available": ["roundrobin"],
        "default": "roundrobin",
        "about": "How requests are spread over nodes: by their weights in turn.",
    },
    "nodes": {
        "type": ["dict", "list"],
        "required": True,
        "about": "Where requests go: weights by host:port, or a list of nodes.",
    },
    "scheme": {"type": "string", "available": ["http", "https"], "default": "http", "about": "What the nodes speak."},
    "pass_host": {
        "type": "string",
        "allowed": ["pass", "node", "rewrite"],
        "default": "pass",
        "about": "Whose Host is sent: the client's, the node's, or `upstream_host`.",
    },
    "upstream_host": {"type": "string", "empty": False, "about": "The Host to send with rewrite for `pass_host`."},
    "timeout": TIMEOUT,
    "retries": {
        "type": "integer",
        "min": 0,
        "about": "How many further nodes are tried where a connection can't be made; without it all.",
    },
    "retry_timeout": {
        "type": "number",
        "min": 0,
        "default": 0,
        "about": "Seconds after which no further node is tried; 0 is any time.",
    },
    "keepalive_pool": {
        "type": "dict",
        "about": "Which connections are kept for later requests.",
        "schema": {
            "size": {
                "type": "integer",
                "min": 1,
                "default": 320,
                "about": "How many idle connections to a node are kept.",
            },
            "idle_timeout": {
                "type": "number",
                "min": 0,
                "default": 60,
                "about": "Seconds that an idle connection is kept.",
            },
            "requests": {
                "type": "integer",
                "min": 1,
                "default": 1000,
                "about": "How many requests a connection is used for.",
            },
        },
    },
    "tls": {
        "type": "dict",
        "about": "How nodes are known, and what they are shown, over https.",
        "schema": {
            "verify": {"type": "boolean", "default": True, "about": "Verify the nodes' certificates."},
            "ca": {**_PEM, "about": "The only authorities that are trusted, as PEM text."},
            "client_cert": {**_PEM, "about": "The certificate chain that the nodes are shown, as PEM text."},
            "client_key": {**_KEY, "about": "Its unencrypted key, as PEM text."},
            "client_cert_id": _LATER,
        },
    },
    **dict.fromkeys(("hash_on", "key", "checks", "discovery_type", "service_name"), _LATER),
}

_TARGET: Rules = {
    "upstream": {"type": "dict", "schema": UPSTREAM, "about": "Where requests go that no plugin answers."},
    "upstream_id": {**_ID, "about": "The upstream where they go, by its id."},
}

ROUTE: Rules = {
    "id": _OWN_ID,
    **_DESCRIPTION,
    "uri": {**_URI, "about": "The path: exact, with parameters, or a prefix."},
    "uris": {"type": "list", "schema": _URI, "minlength": 1, "about": "Several paths."},
    "host": {**_HOST, "about": "The host; without it any."},
    "hosts": {"type": "list", "schema": _HOST, "minlength": 1, "about": "Several hosts."},
    "methods": {
        "type": "list",
        "minlength": 1,
        "schema": {"type": "string", "regex": "[A-Z]+", "meta": {"expected": "an HTTP method in capitals"}},
        "about": "The methods; without them any.",
    },
    "remote_addr": {**_NETWORK, "about": "The client's address or block of addresses; without it any."},
    "remote_addrs": {"type": "list", "schema": _NETWORK, "minlength": 1, "about": "Several addresses or blocks."},
    "vars": {"type": "list", "minlength": 1, "about": "Conditions that must hold."},
    "priority": {"type": "integer", "default": 0, "about": "The higher one wins where the paths are of one kind."},
    "status": {"type": "integer", "allowed": [0, 1], "default": 1, "about": "0 turns the route off."},
    "plugins": _PLUGINS,
    "plugin_config_id": {**_ID, "about": "The plugin config that it takes plugins from."},
    "service_id": {**_ID, "about": "The service that it takes plugins, hosts and upstream from."},
    "timeout": TIMEOUT,
    "enable_websocket": {"type": "boolean", "about": "Pass WebSockets on; without it as the service says."},
    **_TARGET,
    **dict.fromkeys(("filter_func", "script", "script_id"), _LATER),
}

SERVICE: Rules = {
    "id": _OWN_ID,
    **_DESCRIPTION,
    "hosts": {"type": "list", "schema": _HOST, "minlength": 1, "about": "The hosts of its routes that name none."},
    "plugins": _PLUGINS,
    "enable_websocket": {"type": "boolean", "default": False, "about": "Pass WebSockets on."},
    **_TARGET,
    "script": _LATER,
}

CONSUMER: Rules = {
    "username": {
        "type": "string",
        "required": True,
        "regex": "[A-Za-z0-9_-]{1,100}",
        "meta": {"expected": "1 to 100 letters, digits, _ or -"},
        "about": "The name that the caller is known by.",
    },
    "desc": {"type": "string", "about": "A description for people."},
    "labels": _LABELS,
    "plugins": {
        **_PLUGINS,
        "about": "Credentials, one for each auth plugin, and plugins that hold for the consumer's requests.",
    },
    "group_id": {**_ID, "about": "The consumer group whose plugins hold for it, too."},
}

CREDENTIAL: Rules = {
    "id": _OWN_ID,
    **_DESCRIPTION,
    "plugins": {**_PLUGINS, "required": True, "about": "One auth plugin, with what the consumer is known by."},
}

SSL: Rules = {
    "id": _OWN_ID,
    **_DESCRIPTION,
    "cert": {**_PEM, "required": True, "about": "The certificate chain, as PEM text."},
    "key": {**_KEY, "required": True, "about": "Its unencrypted key, as PEM text."},
    "certs": {
        "type": "list",
        "schema": _PEM,
        "minlength": 1,
        "about": "Further certificate chains for the same names.",
    },
    "keys": {"type": "list", "schema": _KEY, "minlength": 1, "about": "Their keys, in the same order."},
    "sni": {**_SNI, "about": "The host name that the certificate is for."},
    "snis": {"type": "list", "schema": _SNI, "minlength": 1, "about": "Several host names."},
    "client": {
        "type": "dict",
        "about": "Asks clients for a certificate, and lets nobody in without.",
        "schema": {
            "ca": {**_PEM, "required": True, "about": "Who signs those certificates, as PEM text."},
            "depth": {
                "type": "integer",
                "min": 0,
                "max": 100,
                "about": "How many certificates may stand between theirs and one of `ca`.",
            },
            "skip_mtls_uri_regex": _LATER,
        },
    },
    "status": {"type": "integer", "allowed": [0, 1], "default": 1, "about": "0 turns the entry off."},
    "type": {
        "type": "string",
        "available": ["server"],
        "about": "What certificates are for: server is all there is in this version.",
    },
    "ssl_protocols": _LATER,
}

PLAIN_META: Rules = {
    "disable": {
        "type": "boolean",
        "default": False,
        "about": "Leave the plugin out, also one that would come from the service.",
    },
    "priority": {"type": "integer", "about": "Its place in the chain here; the higher one is first."},
}
"""What `_meta` holds where no phase runs: on credentials and `multi-auth`."""

PLUGIN_META: Rules = {
    **PLAIN_META,
    "filter": {"type": "list", "minlength": 1, "about": "Conditions on the requests that the plugin runs for."},
    "error_response": {
        "type": ["string", "dict"],
        "about": "The body of its refusals: text as it is, an object as JSON.",
    },
}

KINDS: dict[str, Rules] = {
    "routes": ROUTE,
    "services": SERVICE,
    "upstreams": {"id": _OWN_ID, **UPSTREAM},
    "consumers": CONSUMER,
    "consumer_groups": {"id": _OWN_ID, **_DESCRIPTION, "plugins": {**_PLUGINS, "required": True}},
    "plugin_configs": {"id": _OWN_ID, **_DESCRIPTION, "plugins": {**_PLUGINS, "required": True}},
    "plugin_metadata": {"id": _OWN_ID},
    "global_rules": {"id": _OWN_ID, "plugins": {**_PLUGINS, "required": True}},
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
