"""What a plugin class must be, checked when it is loaded, each misuse named with its remedy."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches

from .errors import Finding
from .multi_auth import MultiAuth
from .plugin import API_VERSION, HOOKS, PROJECT, Plugin

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MARK = f"{PROJECT}_impl"
_PLAIN_METHODS = (
    ("open", True),
    ("close", True),
    ("check", False),
    ("conceal", False),
    ("concealed_fields", False),
    ("concealed_arguments", False),
    ("destination", False),
    ("connects_to", False),
)
_SPOKEN_FOR = frozenset(Plugin.__annotations__)
# How alike a method's name and a phase's must be for one to be taken for the other.
_MISSPELT = 0.8


def misuses(cls: object) -> list[Finding]:
    """Return every way in which the class breaks the plugin contract; an empty list is a plugin."""
    where = getattr(cls, "__qualname__", repr(cls))
    if not isinstance(cls, type) or not issubclass(cls, Plugin):
        return [Finding(where, "is no subclass of phasegate.Plugin: derive it from Plugin")]
    found = [
        *_class_misuses(cls),
        *_hook_misuses(cls),
        *_stray_marks(cls),
        *_misspelt(cls),
        *_plain_misuses(cls),
        *_auth_misuses(cls),
        *_metadata_misuses(cls),
    ]
    return [Finding(where, message) for message in found]


def _class_misuses(cls: type[Plugin]) -> Iterator[str]:
    if not NAME.fullmatch(getattr(cls, "name", "")):
        yield 'needs `name: ClassVar = "..."`: lower-case words joined by -'
    if cls.api_version != API_VERSION:
        yield f"is written for plugin API {cls.api_version}, this is {API_VERSION}: install a matching version"
    if "__dataclass_fields__" not in vars(cls):
        yield "is no dataclass: put @dataclass(kw_only=True) above it"
        return
    if "__slots__" in vars(cls):
        yield "has slots, in which super() fails on Python 3.11: leave slots=True out"
    yield from _attribute_misuses(cls)
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        owner = next((base for base in cls.__mro__ if _uses(base, field.name)), None)
        if field.name in _SPOKEN_FOR:
            yield f"{field.name} is a field, and has to be the class's own: write `{field.name}: ClassVar`"
        elif owner is not None:
            yield f"field {field.name!r} has the name of something in {owner.__name__}: call it {field.name}_"


def _attribute_misuses(cls: type[Plugin]) -> Iterator[str]:
    priority: object = cls.priority
    if not isinstance(priority, int) or isinstance(priority, bool):
        yield f"has the priority {priority!r}: give it a whole number"
    for name in ("schema", "consumer_schema", "metadata_schema"):
        value: object = getattr(cls, name)
        if not isinstance(value, Mapping) and (value is not None or name == "schema"):
            yield f"{name} is a {type(value).__name__}: make it a dict of keys and their rules"


def _uses(base: type, name: str) -> bool:
    """Tell whether a base class has something under the name that is no field of its own."""
    own_fields = vars(base).get("__dataclass_fields__", {})
    return name in vars(base) and name not in own_fields


def _hook_misuses(cls: type[Plugin]) -> Iterator[str]:
    implemented = [hook for hook in HOOKS if inspect.getattr_static(cls, hook) is not vars(Plugin)[hook]]
    if not implemented and cls is not MultiAuth:
        yield f"has no phase: implement one of {', '.join(HOOKS)}"
    for hook in implemented:
        yield from _method_misuses(hook, inspect.getattr_static(cls, hook))


def _method_misuses(hook: str, method: object) -> Iterator[str]:
    if not inspect.isfunction(method):
        yield f"{hook} must be a method: it is the name of a phase"
        return
    if not method.__qualname__.endswith(f".{hook}"):
        yield f"{hook} is a function from elsewhere ({method.__qualname__}): write it in the class"
        return
    mark = getattr(method, _MARK, None)
    if mark is None:
        yield f"{hook} is not marked, so it would never run: put @hookimpl above it"
    elif mark.get("wrapper") or mark.get("hookwrapper"):
        yield f"{hook} is a hook wrapper, which async phases can't be: use the response phase instead"
    if not inspect.iscoroutinefunction(method):
        yield f"{hook} is not a coroutine: write `async def {hook}`"
    wanted, given = _arguments(vars(Plugin)[hook]), _arguments(method)
    if given != wanted:
        yield f"{hook}({', '.join(given)}) must be {hook}({', '.join(wanted)})"


def _stray_marks(cls: type[Plugin]) -> Iterator[str]:
    for name in dir(cls):
        mark = getattr(inspect.getattr_static(cls, name), _MARK, None)
        if isinstance(mark, dict) and (name not in HOOKS or mark.get("specname")):
            close = get_close_matches(name, HOOKS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"phases are {', '.join(HOOKS)}"
            yield f"{name} is marked as a phase and is none: {hint}"


def _misspelt(cls: type[Plugin]) -> Iterator[str]:
    """Look for what is written as a phase, unmarked and under no phase's name."""
    for name in dir(cls):
        method = inspect.getattr_static(cls, name)
        if name.startswith("_") or name in HOOKS or hasattr(method, _MARK) or not inspect.isfunction(method):
            continue
        close = get_close_matches(name, HOOKS, n=1, cutoff=_MISSPELT)
        if close and _arguments(method) == _arguments(vars(Plugin)[close[0]]):
            yield f"{name} is no phase, so it would never run: did you mean {close[0]!r}?"


def _arguments(method: Callable[..., object]) -> list[str]:
    return list(inspect.signature(method).parameters)


def _plain_misuses(cls: type[Plugin]) -> Iterator[str]:
    """Look at the methods that are no phases: some are awaited, the others not."""
    for name, awaited in _PLAIN_METHODS:
        method = inspect.getattr_static(cls, name)
        if not inspect.isfunction(method):
            yield f"{name} must be a method: the gateway calls it"
            continue
        wanted, given = _arguments(vars(Plugin)[name]), _arguments(method)
        if len(given) != len(wanted):
            yield f"{name}({', '.join(given)}) must be {name}({', '.join(wanted)})"
        if inspect.iscoroutinefunction(method) is not awaited:
            yield f"{name} is {'no coroutine: write `async def' if awaited else 'a coroutine: write `def'} {name}`"
    if not inspect.isasyncgenfunction(inspect.getattr_static(cls, "diagnose")):
        yield "diagnose is no asynchronous generator: write `async def diagnose` and yield each Diagnosis"


def _auth_misuses(cls: type[Plugin]) -> Iterator[str]:
    authenticates = inspect.getattr_static(cls, "authenticate") is not vars(Plugin)["authenticate"]
    if authenticates and cls.consumer_schema is None:
        yield "authenticates and has no consumer_schema: say what its entry on a consumer holds"
    if authenticates and cls.consumer_key is None:
        yield "authenticates and has no consumer_key: say which key of consumer_schema names a credential"
    checker = inspect.getattr_static(cls, "check_credential")
    if not isinstance(checker, classmethod) or inspect.iscoroutinefunction(checker.__func__):
        yield "check_credential is no plain class method: write `@classmethod` above `def check_credential`"
    if cls.consumer_key is not None and cls.consumer_key not in (cls.consumer_schema or {}):
        yield f"consumer_key {cls.consumer_key!r} is no key of consumer_schema: add it there"


def _metadata_misuses(cls: type[Plugin]) -> Iterator[str]:
    for key in ("id", "create_time", "update_time"):
        if key in (cls.metadata_schema or {}):
            yield f"metadata_schema has the key {key!r}, which every resource has: call it something else"
