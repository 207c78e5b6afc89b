"""A schema that judges documents, and remembers those that it found good."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import orjson
from cerberus import SchemaError
from cerberus.errors import ValidationError

from ..errors import Finding
from .messages import finding_of
from .plain import PlainTests
from .prepare import Definition, prepare
from .rules import Rules

Judgement = tuple[Any, list[Finding]]

_REMEMBERED = 50_000
_VALUE = "value"
_NESTED = ("schema", "valuesrules")
_ASIDE = frozenset({"dependencies", "excludes"})
# They need code, or a document to be changed, which JSON Schema can't say.
_FOREIGN = frozenset(
    {"allow_unknown", "check_with", "coerce", "default_setter", "purge_unknown", "rename", "rename_handler"}
)


class Schema:
    """The rules of one kind of document.

    cerberus judges one level at a time, and defaults are ours: asked for a whole tree, or to fill in defaults, it hashes the
    rules anew for each object, which takes ten times as long. Each good object is remembered by its JSON, so that an
    unchanged one costs a lookup. Raise ValueError for a definition that cerberus does not accept.
    """

    def __init__(self, definition: Definition) -> None:
        _judge_definition(definition)
        self.definition = definition
        try:
            self._rules = Rules({key: _flat(rules) for key, rules in definition.items()})
        except (SchemaError, TypeError) as error:
            raise ValueError(f"the schema is not valid: {error}") from error
        self._inner = {key: _inner(rules) for key, rules in definition.items() if rules.keys() & set(_NESTED)}
        self._known: dict[bytes, dict[str, Any]] = {}
        self._names = {key: rules.get("alias_of", key) for key, rules in definition.items()}
        self._plain = PlainTests(definition)
        self._sound = frozenset(self._sound_defaults())

    def validate(self, document: object, path: str = "") -> tuple[dict[str, Any], list[Finding]]:
        """Return the document with its defaults filled in, and every error; with errors the document means nothing.

        The returned document may be shared with earlier callers: read it, don't change it.
        """
        if not isinstance(document, Mapping):
            return {}, [Finding(path, "must be an object")]
        key = _canonical(document)
        if key is not None and key in self._known:
            return self._known[key], []
        value, findings = self._judge(document)
        if key is not None and not findings:
            self._remember(key, value)
        return value, [finding.under(path) for finding in findings]

    def _judge(self, document: Mapping[Any, Any]) -> tuple[dict[str, Any], list[Finding]]:
        value, findings = prepare(document, self.definition)
        seen = {finding.path for finding in findings}
        errors = self._errors(value, {self._names.get(key, key) for key in document})
        for error in errors:
            finding = finding_of(error, self.definition)
            if finding.path not in seen:
                seen.add(finding.path)
                findings.append(finding)
        for key, judge in self._inner.items():
            if value.get(key) is not None and key not in seen:
                value[key], more = judge(value[key])
                findings += [finding.under(key) for finding in more]
        return value, findings

    def _errors(self, value: dict[Any, Any], given: set[Any]) -> Sequence[ValidationError]:
        """Return what cerberus has to say of an object; it is not asked about what needs no asking."""
        doubtful = {key: item for key, item in value.items() if key in given or key not in self._sound}
        if self._plain.accept(doubtful):
            return ()
        self._rules.validate(doubtful, normalize=False)
        return self._rules.found

    def _sound_defaults(self) -> Iterator[str]:
        """Yield the keys whose defaults need not be judged each time that they are filled in."""
        if _looks_aside(self.definition):
            return
        for key, rules in self.definition.items():
            if "default" in rules and not rules.get("required"):
                self._rules.validate({key: copy.deepcopy(rules["default"])}, normalize=False)
                if all(error.field != key for error in self._rules.found):
                    yield key

    def _remember(self, key: bytes, value: dict[str, Any]) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[key] = value


def _looks_aside(rules: object) -> bool:
    """Tell whether a rule judges one key by others, so that all of them must be there."""
    if isinstance(rules, Mapping):
        return not _ASIDE.isdisjoint(rules) or any(map(_looks_aside, rules.values()))
    return isinstance(rules, (list, tuple)) and any(map(_looks_aside, rules))


def _judge_definition(definition: object) -> None:
    """Refuse what cerberus would fail over later, or what is never asked for here."""
    if not isinstance(definition, Mapping):
        raise ValueError("the schema is not valid: it must be a mapping of keys to rules")  # noqa: TRY004
    for key, rules in definition.items():
        if not isinstance(key, str) or not isinstance(rules, Mapping):
            raise ValueError(f"the schema is not valid: the rules of {key!r} must be a mapping")  # noqa: TRY004
        foreign = sorted(_FOREIGN & rules.keys())
        if foreign:
            raise ValueError(f"the schema is not valid: {key!r} has {foreign[0]!r}, which has no place here")
        unknown = [rule for rule in rules if rule not in Rules.rules and "of_" not in str(rule)]
        if unknown:
            close = get_close_matches(str(unknown[0]), Rules.rules, n=1)
            hint = f": did you mean {close[0]!r}?" if close else ": cerberus's documentation lists them"
            raise ValueError(f"the schema is not valid: {key!r} has {unknown[0]!r}, which is no rule{hint}")
        if rules.keys() & set(_NESTED) and rules.get("type") not in ("dict", "list"):
            raise ValueError(
                f"the schema is not valid: {key!r} has an inside and needs `type` dict or list, one of them"
            )


def _inner(rules: Mapping[str, Any]) -> Callable[[Any], Judgement]:
    """Return what judges the inside of an object or list whose own type is judged already."""
    if rules["type"] == "dict" and "schema" in rules:
        return Schema(rules["schema"]).validate
    judge = _value_judge(rules["valuesrules"] if "valuesrules" in rules else rules["schema"])
    return lambda value: _each(value, judge)


def _value_judge(rules: Mapping[str, Any]) -> Callable[[Any], Judgement]:
    schema = Schema({_VALUE: rules})

    def judge(value: Any) -> Judgement:
        judged, findings = schema.validate({_VALUE: value})
        return judged.get(_VALUE), [
            Finding(finding.path.removeprefix(_VALUE).removeprefix("."), finding.message) for finding in findings
        ]

    return judge


def _each(value: Any, judge: Callable[[Any], Judgement]) -> Judgement:
    """Judge every value of an object or every entry of a list."""
    keyed = isinstance(value, Mapping)
    places = value.items() if keyed else ((f"[{index}]", item) for index, item in enumerate(value))
    judged, findings = {}, []
    for place, item in places:
        judged[place], found = judge(item)
        findings += [finding.under(str(place)) for finding in found]
    return (judged if keyed else list(judged.values())), findings


def _flat(rules: Mapping[str, Any]) -> dict[str, Any]:
    return {name: copy.deepcopy(constraint) for name, constraint in rules.items() if name not in _NESTED}


def _canonical(document: Mapping[Any, Any]) -> bytes | None:
    """Return what a document is remembered by; None for one with text out of the environment, which may mean a number."""
    try:
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS)
    except TypeError:
        return None
