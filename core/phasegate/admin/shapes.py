"""The parts of the Admin API's description that are the same on every gateway: arguments, refusals, answers."""

from __future__ import annotations

from typing import Any

from .kinds import KINDS

Part = dict[str, Any]

_TEXT: Part = {"type": "string"}
_COUNT: Part = {"type": "integer", "minimum": 0}
_TRUTH: Part = {"type": "string", "enum": ["1", "0", "true", "false"]}
# Dots alone are no id that a path can have (RFC 3986 section 5.2.4).
_ID: Part = {"type": "string", "pattern": r"^(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}$"}
_TAGS = 'entity tags such as `"42"`, or `*`; where the resource is at none of them'


def object_of(properties: Part, required: tuple[str, ...] | None = None, **more: Any) -> Part:
    """Return the schema of an object, whose keys are all required where nothing else is said."""
    needed = tuple(properties) if required is None else required
    return {"type": "object", "properties": properties} | ({"required": list(needed)} if needed else {}) | more


def list_of(items: Part, **more: Any) -> Part:
    """Return the schema of a list."""
    return {"type": "array", "items": items, **more}


def _path(name: str, schema: Part) -> Part:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query(name: str, schema: Part, description: str) -> Part:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _header(name: str, description: str) -> Part:
    return {"name": name, "in": "header", "schema": _TEXT, "description": description}


PATH_PARAMETERS = {
    "id": _path("id", _ID),
    "username": _path("username", {**_TEXT, "pattern": "^[A-Za-z0-9_-]{1,100}$"}),
    "plugin": _path("plugin", {**_TEXT, "pattern": "^[a-z][a-z0-9-]*$"}),
    "manager": _path("manager", {"enum": ["aws", "vault"]}),
    "key": _path("key", {**_TEXT, "pattern": "^[a-z_]+$", "description": "a key; a path of several is taken, too"}),
    "type": _path("type", {"enum": [kind.name for kind in KINDS.values() if kind.built]}),
    "request": _path("request", {**_TEXT, "description": "the request's id"}),
    "number": _path("number", {"type": "integer", "minimum": 1}),
}

PARAMETERS = {
    "dry_run": _query("dry_run", _TRUTH, "judge everything and write nothing"),
    "details": _query("details", _TRUTH, "tell of each change what is different, secrets masked"),
    "secrets": _query("secrets", _TRUTH, "show secrets, for role admin; private keys of certificates stay masked"),
    "wait": _query("wait", {"const": "all"}, "answer once every worker of this node serves the change"),
    "force": _query("force", _TRUTH, "delete it although others refer to it"),
    "page": _query("page", {"type": "integer", "minimum": 1}, "which page, the first without"),
    "page_size": _query("page_size", {"type": "integer", "minimum": 10, "maximum": 500}, "entries on a page"),
    "name": _query("name", _TEXT, "a part of the name"),
    "uri": _query("uri", _TEXT, "a part of one of the URIs"),
    "label": _query("label", _TEXT, "a label, or `label:value`"),
    "filter": _query("filter", _TEXT, "`service_id=` or `upstream_id=` and an id, escaped as one argument"),
    "subsystem": _query("subsystem", {"const": "http"}, "the only one there is"),
    "all": _query("all", _TRUTH, "has no effect: everything is told always"),
    "schema_type": _query("schema_type", {"enum": ["main", "consumer", "metadata"]}, "which of the plugin's schemas"),
    "before": _query("before", {"type": "integer", "minimum": 1}, "only revisions under this one"),
    "limit": _query("limit", {"type": "integer", "minimum": 1, "maximum": 500}, "how many"),
    "If-Match": _header("If-Match", f"{_TAGS}, the answer is 412"),
    "If-None-Match": _header("If-None-Match", "`*`: where the resource is there already, the answer is 412"),
}

HEADERS = {
    "X-API-VERSION": {"required": True, "schema": {"const": "v3"}},
    "ETag": {
        "schema": _TEXT,
        "description": "the revision that a resource is at, where the answer is one that was read or written",
    },
}

REFUSALS = {
    400: "the request, or the configuration that it asks for, is not valid",
    401: "no key, a wrong one, or one of a viewer that may not do this",
    404: "there is no such thing",
    409: "others keep changing it at the same time",
    412: "If-Match or If-None-Match does not hold",
    413: "the body is over the listener's limit",
    429: "too many failed tries from this address",
    503: "the store can't be reached",
}

_REVISION = {"number": _COUNT, "time": {"type": "number"}, "author": _TEXT, "note": _TEXT}
_CHANGED = {"action": {"enum": ["create", "update", "delete"]}, "key": _TEXT}
_VALUE: Part = {"type": ["object", "null"]}
_SUMMED = {"changes": list_of(object_of(_CHANGED), maxItems=20), "total": _COUNT}
_WRITE = object_of({"kind": _TEXT, "id": _TEXT, "value": _VALUE}, additionalProperties=False)
_PLACE = list_of({"type": ["string", "integer"]})
_CHANGED_IN_DETAIL = {"kind": _TEXT, "id": _TEXT, "before": _VALUE, "after": _VALUE, "differences": list_of(_PLACE)}
_OUTCOME = object_of({**_CHANGED, **_CHANGED_IN_DETAIL}, tuple(_CHANGED))
_PART = object_of({"kind": _TEXT, "id": _TEXT, "source": {"enum": ["file", "store"]}, "value": {"type": "object"}})
_FIELDS = {
    "type": "object",
    "additionalProperties": {"oneOf": [_TEXT, list_of(_TEXT)]},
    "description": "a text or a list of them for each name",
}
_DESCRIBED = {"method": _TEXT, "url": _TEXT, "headers": _FIELDS, "body": _TEXT, "body_base64": _TEXT, "client": _TEXT}
_NUMBER: Part = {"type": ["number", "null"]}
_OPTIONAL_TEXT: Part = {"type": ["string", "null"]}
_STEP = {
    "phase": _TEXT,
    "plugin": _TEXT,
    "outcome": {
        "enum": [
            *("went_on", "answered", "changed", "refused", "failed", "known", "absent", "invalid", "not_run"),
        ]
    },
    "status": {"type": ["integer", "null"]},
    "why": _OPTIONAL_TEXT,
    "at_ms": _NUMBER,
    "ms": _NUMBER,
    "changes": list_of(object_of({"what": _TEXT, "before": _OPTIONAL_TEXT, "after": _OPTIONAL_TEXT})),
    "calls": list_of({"type": "object"}),
}
_MISS = object_of({"id": _TEXT, "reasons": list_of(object_of({"ground": _TEXT, "text": _TEXT}))})
_EXPLANATION = {
    "request": {"type": "object"},
    "route": _VALUE,
    "near_misses": list_of(_MISS),
    "steps": list_of(object_of(_STEP)),
    "stopped_by": {"type": ["object", "null"], "properties": {"phase": _TEXT, "plugin": _TEXT}},
    "consumer": _OPTIONAL_TEXT,
    "answer": _VALUE,
    "error": _VALUE,
    "dry_run": {"type": "boolean"},
    "ms": {"type": "number"},
}
_ERRORS = list_of(
    object_of({"resource_type": _TEXT, "resource_id": _TEXT, "index": _COUNT, "error": _TEXT}, ("error",))
)

SHAPES: dict[str, Part] = {
    "Anything": {},
    "Object": {"type": "object"},
    "Patch": {"type": "object", "description": "what changes, by key; null removes one (RFC 7396)"},
    "Error": {
        "type": "object",
        "properties": {"error_msg": _TEXT, "message": _TEXT, "description": _TEXT, "code": _TEXT, "errors": _ERRORS},
        "anyOf": [{"required": ["error_msg"]}, {"required": ["message"]}],
    },
    "Deleted": object_of({"deleted": {"const": "1"}, "key": _TEXT}),
    "Empty": object_of({"list": list_of({}, maxItems=0), "total": {"const": 0}}),
    "Done": {"const": "done"},
    "JSONSchema": {"type": "object", "description": "a JSON Schema, draft 2020-12"},
    "PluginNames": list_of(_TEXT),
    "PluginMap": {
        "type": "object",
        "additionalProperties": object_of({"name": _TEXT, "priority": {"type": "integer"}}),
    },
    "Configuration": {"type": "object", "additionalProperties": {"type": "array"}, "description": "lists, by kind"},
    "Changes": object_of(
        {"writes": list_of(_WRITE), "note": {**_TEXT, "maxLength": 1000}}, ("writes",), additionalProperties=False
    ),
    "Outcome": object_of({"revision": _COUNT, "changes": list_of(_OUTCOME)}),
    "Whole": object_of({"revision": _COUNT, "list": list_of(_PART)}),
    "Explain": object_of(_DESCRIBED, (), additionalProperties=False),
    "Explanation": object_of(_EXPLANATION),
    "TokenWish": object_of(
        {"seconds": {"type": "integer", "minimum": 1, "maximum": 3600}}, (), additionalProperties=False
    ),
    "ExplainToken": object_of({"header": _TEXT, "token": _TEXT, "expires": _COUNT}),
    "Revision": object_of(
        {**_REVISION, "changes": list_of(object_of({**_CHANGED, "before": _VALUE, "after": _VALUE}))}
    ),
    "RevisionList": object_of({"list": list_of(object_of({**_REVISION, **_SUMMED})), "revision": _COUNT}),
}

EXAMPLES: dict[str, Any] = {
    "Route": {"uri": "/example", "upstream": {"nodes": {"127.0.0.1:1980": 1}}},
    "Service": {"upstream": {"nodes": {"127.0.0.1:1980": 1}}},
    "Upstream": {"type": "roundrobin", "nodes": {"127.0.0.1:1980": 1}},
    "Consumer": {"username": "jack"},
    "ConsumerGroup": {"plugins": {}},
    "PluginConfig": {"plugins": {}},
    "GlobalRule": {"plugins": {}},
    "Patch": {"desc": "changed"},
    "Configuration": {"routes": [{"id": "1", "uri": "/example", "upstream": {"nodes": {"127.0.0.1:1980": 1}}}]},
    "Explain": {"url": "/example"},
    "Changes": {"writes": [{"kind": "routes", "id": "1", "value": None}], "note": "one route less"},
}
"""Bodies that are taken as they are, wherever those that they refer to are there."""
