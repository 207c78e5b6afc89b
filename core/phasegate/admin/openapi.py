"""The OpenAPI 3.1 description of the Admin API, made from the table of operations and the schemas of this gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from ..http.message import Response
from ..schema.published import PublishedSchemas
from .answers import answer
from .call import PREFIX, Call
from .kinds import KINDS, Kind
from .operations import Operation, operations, schema_name
from .shapes import EXAMPLES, HEADERS, PARAMETERS, PATH_PARAMETERS, REFUSALS, SHAPES, list_of, object_of

Document = dict[str, Any]

_ALWAYS = (400, 401, 429)
_PLUGINS = "Plugins"
_OWN_PLUGINS = {"consumers": "ConsumerPlugins", "credentials": "CredentialPlugins"}
_HEADERS = {"headers": {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS}}
_INTRODUCTION = (
    "Changes routes, services, upstreams, consumers and plugins while the gateway runs, in the shape of APISIX's Admin API. "
    "What is written is judged whole, becomes one numbered revision, and is served by the time the answer comes."
)
_COUNT = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}


class Description:
    """Answers with the description: made once, in a thread, since it takes longer than requests should wait."""

    def __init__(self, schemas: PublishedSchemas) -> None:
        self._schemas = schemas
        self._made: Document | None = None

    async def whole(self, _call: Call) -> Response:
        """Answer with all of it."""
        if self._made is None:
            self._made = await asyncio.to_thread(describe, self._schemas)
        return answer(self._made)


def describe(schemas: PublishedSchemas) -> Document:
    """Return the description as JSON values."""
    paths: Document = {}
    for operation in operations():
        paths.setdefault(operation.path, {})[operation.verb] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Phasegate Admin API", "version": version("phasegate"), "description": _INTRODUCTION},
        "servers": [{"url": PREFIX}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-API-KEY"}},
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "responses": {str(status): _answer(text, "Error") for status, text in REFUSALS.items()},
            "schemas": {**SHAPES, **_schemas(schemas)},
        },
    }


def _operation(operation: Operation) -> Document:
    refusals = sorted({*_ALWAYS, *operation.refusals, *((413,) if operation.body else ())})
    described: Document = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [
            *(PATH_PARAMETERS[name] for name in operation.arguments),
            *(_reference("parameters", name) for name in operation.parameters),
        ],
        "responses": {
            **{str(status): _answer("as asked", name) | _HEADERS for status, name in _answers(operation).items()},
            **{str(status): _reference("responses", str(status)) for status in refusals},
        },
    }
    if operation.body:
        described["requestBody"] = {"required": True, "content": _json(operation.body)}
    return described


def _answers(operation: Operation) -> Mapping[int, str]:
    """Return the operation's answers; one that waits for all workers may tell that some are late."""
    name = next(iter(operation.answers.values()))
    return {**operation.answers, 202: name} if "wait" in operation.parameters else operation.answers


def _answer(description: str, schema: str) -> Document:
    return {"description": description} | ({"content": _json(schema)} if schema else {})


def _json(schema: str) -> Document:
    medium = "text/plain" if schema == "Done" else "application/json"
    example = {"example": EXAMPLES[schema]} if schema in EXAMPLES else {}
    return {medium: {"schema": _reference("schemas", schema), **example}}


def _reference(part: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{part}/{name}"}


def _schemas(schemas: PublishedSchemas) -> Document:
    described: Document = {name: schemas.plugins(kind) for kind, name in {"routes": _PLUGINS, **_OWN_PLUGINS}.items()}
    for kind in (kind for kind in KINDS.values() if kind.built):
        described |= _schemas_of(kind, schemas)
    return described


def _schemas_of(kind: Kind, schemas: PublishedSchemas) -> Document:
    name = schema_name(kind)
    value = object_of({kind.id_key: _TEXT, "create_time": _COUNT, "update_time": _COUNT}, (kind.id_key,))
    entry = {"key": _TEXT, "value": value, "createdIndex": _COUNT, "modifiedIndex": _COUNT}
    return {
        name: _sent(kind, schemas),
        f"{name}Written": object_of({"key": _TEXT, "value": value}),
        f"{name}Entry": object_of(entry),
        f"{name}List": object_of({"list": list_of(_reference("schemas", f"{name}Entry")), "total": _COUNT}),
    }


def _sent(kind: Kind, schemas: PublishedSchemas) -> Document:
    plugins = _reference("schemas", _OWN_PLUGINS.get(kind.name, _PLUGINS))
    return schemas.kind_with(kind.name, plugins) or {"type": "object"}
