"""A schema that judges documents, and remembers those that it found good."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import orjson
from cerberus import SchemaError

from ..errors import Finding
from .messages import findings_of
from .prepare import Definition, prepare
from .rules import Rules

_REMEMBERED = 200_000


class Schema:
    """The rules of one kind of document.

    cerberus takes some 270 us for a plugin's configuration, so each good document is remembered by its canonical JSON and
    an unchanged one costs a lookup. Raise ValueError for a definition that cerberus does not accept.
    """

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        try:
            self._rules = Rules(copy.deepcopy(dict(definition)))
        except SchemaError as error:
            raise ValueError(f"the schema is not valid: {error}") from error
        self._known: dict[bytes, dict[str, Any]] = {}

    def validate(self, document: object, path: str = "") -> tuple[dict[str, Any], list[Finding]]:
        """Return the document with its defaults filled in, and every error; with errors the document means nothing.

        The returned document may be shared with earlier callers: read it, don't change it.
        """
        if not isinstance(document, Mapping):
            return {}, [Finding(path, "must be an object")]
        prepared, findings = prepare(document, self.definition)
        key = None if findings else _canonical(prepared)
        if key is not None and key in self._known:
            return self._known[key], []
        result, more = self._judge(prepared)
        seen = {finding.path for finding in findings}
        findings += [finding for finding in more if finding.path not in seen]
        if key is not None and not findings:
            self._remember(key, result)
        return result, [finding.under(path) for finding in findings]

    def _judge(self, prepared: dict[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
        if self._rules.validate(copy.deepcopy(prepared)):
            return copy.deepcopy(self._rules.document), []
        return {}, findings_of(self._rules.found, self.definition)

    def _remember(self, key: bytes, result: dict[str, Any]) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[key] = result


def _canonical(document: dict[str, Any]) -> bytes | None:
    try:
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return None
