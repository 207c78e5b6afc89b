"""From a validated configuration to the fields of a dataclass, nested ones and secrets included."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterator, Mapping
from keyword import iskeyword
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from ..errors import Finding
from ..secret import Secret
from .prepare import Definition

_PLAIN = {"string": str, "integer": int, "boolean": bool, "number": float, "float": float}
T = TypeVar("T")
Converter = Callable[[Any], Any]


def field_name(key: str, cls: type[object]) -> str:
    """Return the field of the dataclass that a key fills: `-` becomes `_`, and a name that the class uses for something
    else, such as a phase, or that Python does, gets an underscore after it.
    """
    name = key.replace("-", "_")
    fields = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    return f"{name}_" if iskeyword(name) or (name not in fields and hasattr(cls, name)) else name


def binder(cls: type[T], definition: Definition) -> Callable[[Mapping[str, Any]], T]:
    """Return what makes an instance of the dataclass out of a validated configuration."""
    converters = _converters(cls, definition)

    def bind(config: Mapping[str, Any]) -> T:
        return cls(**{name: convert(config[key]) for key, name, convert in converters if key in config})

    return bind


def hidden(value: Mapping[str, Any], definition: Definition) -> dict[str, Any]:
    """Return a validated value with its secrets as `Secret`, those of nested objects too."""
    return {key: _hidden(item, definition.get(key, {})) for key, item in value.items()}


def disagreements(cls: type[object], definition: Definition, path: str = "schema") -> Iterator[Finding]:
    """Yield what is wrong between a dataclass and its rules: a key without field, a field that nothing fills."""
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]
    hints = typing.get_type_hints(cls)
    keys = {field_name(key, cls): key for key, rules in definition.items() if "alias_of" not in rules}
    for name in fields.keys() - keys.keys():
        if not _has_default(fields[name]):
            yield Finding(path, f"field {name!r} has no key in the schema and no default: add either")
    for name, key in keys.items():
        rules = definition[key]
        if name not in fields:
            yield Finding(f"{path}.{key}", f"has no field: add `{name}: {_python_type(rules)}` to {cls.__name__}")
            continue
        if not _always_given(rules) and not _has_default(fields[name]):
            yield Finding(f"{path}.{key}", f"may be left out: give it a default here, or the field {name!r} one")
        nested = _dataclass_of(hints[name])
        if not _may_hold(hints[name], rules):
            yield Finding(f"{path}.{key}", f"does not agree with its field: write `{name}: {_python_type(rules)}`")
        elif nested is not None:
            yield from disagreements(nested, rules.get("schema", {}), f"{path}.{key}")


def _may_hold(hint: Any, rules: Mapping[str, Any]) -> bool:
    """Tell whether a field may hold what the rules let through, as far as plain types and secrets tell."""
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if rules.get("secret") or Secret in options:
        return bool(rules.get("secret")) and not {*options} & {str, int, float, bool}
    wanted = _PLAIN.get(rules.get("type", "")) if isinstance(rules.get("type"), str) else None
    plain = {option for option in options if option in (str, int, float, bool)}
    return wanted is None or not plain or wanted in plain or (wanted is int and float in plain)


def _converters(cls: type[object], definition: Definition) -> list[tuple[str, str, Converter]]:
    hints = typing.get_type_hints(cls)
    return [
        (key, field_name(key, cls), _converter(rules, hints[field_name(key, cls)]))
        for key, rules in definition.items()
        if "alias_of" not in rules
    ]


def _converter(rules: Mapping[str, Any], hint: Any) -> Converter:
    if rules.get("secret"):
        return lambda value: None if value is None else Secret(str(value))
    nested = _dataclass_of(hint)
    if nested is not None:
        bind = binder(nested, rules.get("schema", {}))
        return lambda value: None if value is None else bind(value)
    if rules.get("type") == "list":
        item = _converter(rules.get("schema", {}), _item_hint(hint))
        return lambda value: None if value is None else tuple(item(entry) for entry in value)
    return lambda value: value


def _hidden(value: Any, rules: Mapping[str, Any]) -> Any:
    if value is None:
        return None
    if rules.get("secret"):
        return Secret(str(value))
    inside = rules.get("schema", {})
    if rules.get("type") == "list":
        return [_hidden(item, inside) for item in value]
    return hidden(value, inside) if isinstance(value, Mapping) else value


def _dataclass_of(hint: Any) -> type[object] | None:
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return next((option for option in options if dataclasses.is_dataclass(option) and isinstance(option, type)), None)


def _item_hint(hint: Any) -> Any:
    arguments = get_args(hint)
    return arguments[0] if arguments else object


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _always_given(rules: Mapping[str, Any]) -> bool:
    return bool(rules.get("required")) or "default" in rules


def _python_type(rules: Mapping[str, Any]) -> str:
    if rules.get("secret"):
        return "Secret"
    names = {"string": "str", "integer": "int", "boolean": "bool", "number": "float", "float": "float", "list": "tuple"}
    wanted = rules.get("type", "object")
    return names.get(wanted, "object") if isinstance(wanted, str) else "object"
