"""Instances of cerberus rules, made by hypothesis: most valid, some broken in one of the ways that people break them."""

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

GOOD_FORMATS = {
    "url": ["https://h.test/p?q=1", "http://[::1]:80/"],
    "address": ["127.0.0.1:80", "[::1]:1"],
    "network": ["10.0.0.0/8", "::1"],
    "header-value": ["a", "a b"],
    "password": ["a", "p\u00e4ss: w\u00f6rd", "a\nb"],
}
BAD_FORMATS = {
    "url": ["", "h", "ftp://h", "http://h/a b"],
    "address": ["", "h", ":80", "h:x"],
    "network": ["", "h", "10.0.0.0/"],
    "header-value": ["", " a", "\u00e4"],
    "password": ["", "a" * 1025],
}

plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([-0.5, 0.5, 1.5, 4000.5]),
    st.sampled_from(["", "a", "0", "Z" * 70]),
    st.sampled_from([[], [1], ["g"], [None]]),
    st.sampled_from([{}, {"a": 1}, {"b": "x"}]),
)


def objects(definition: Mapping[str, Any], special: Mapping[str, st.SearchStrategy[Any]] | None = None) -> Any:
    """Return a strategy for objects; `special` says what stands under some keys."""
    chosen = {key: (special or {}).get(key, values(rules)) for key, rules in definition.items()}
    needed = {key for key, rules in definition.items() if rules.get("required") and "default" not in rules}
    some = st.sets(st.sampled_from(sorted(definition)), max_size=4)
    complete = some.flatmap(lambda keys: st.fixed_dictionaries({key: chosen[key] for key in sorted(needed | keys)}))
    return mostly(complete, st.one_of(_without_one(complete), complete.map(lambda made: {**made, "unknown": 1})))


def values(rules: Mapping[str, Any]) -> Any:
    """Return a strategy for values, one in a few of them wrong."""
    wrong = st.one_of(_beyond(rules), plain.filter(lambda value: "format" not in rules or not isinstance(value, str)))
    return mostly(_right(rules), wrong)


def mostly(right: Any, wrong: Any) -> Any:
    """Return a strategy that gives what is wrong once in ten times."""
    return st.integers(0, 9).flatmap(lambda dice: wrong if dice == 0 else right)


def _without_one(made: Any) -> Any:
    return made.flatmap(
        lambda whole: (
            st.sampled_from(sorted(whole)).map(
                lambda key: {name: value for name, value in whole.items() if name != key}
            )
            if whole
            else st.just(whole)
        )
    )


def _right(rules: Mapping[str, Any]) -> Any:
    if "anyof" in rules:
        return st.one_of(*(_right(option) for option in rules["anyof"]))
    for rule in ("available", "allowed"):
        if rules.get(rule) and rules.get("type") != "list":
            return st.sampled_from(rules[rule])
    types = rules.get("type", ())
    name = types if isinstance(types, str) else next(iter(types), "")
    made = _OF_TYPE[name](rules) if name else plain
    return st.one_of(st.none(), made) if rules.get("nullable") else made


def _text(rules: Mapping[str, Any]) -> Any:
    if "format" in rules:
        return st.sampled_from(GOOD_FORMATS[rules["format"]])
    if "regex" in rules:
        return st.from_regex(rules["regex"], fullmatch=True)
    return st.text(min_size=1, max_size=5)


def _number(rules: Mapping[str, Any]) -> Any:
    least = rules.get("min", -5)
    return st.integers(int(least) + (least != int(least)), int(rules.get("max", least + 10_000)))


def _list(rules: Mapping[str, Any]) -> Any:
    items = st.sampled_from(rules["allowed"]) if "allowed" in rules else values(rules.get("schema", {"type": "string"}))
    return st.lists(items, min_size=rules.get("minlength", 0), max_size=3)


def _object(rules: Mapping[str, Any]) -> Any:
    if "schema" in rules:
        return objects(rules["schema"])
    keys = _text(rules["keysrules"]) if "keysrules" in rules else st.text(max_size=3)
    return st.dictionaries(keys, values(rules.get("valuesrules", {})), max_size=3)


_OF_TYPE: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "string": _text,
    "integer": _number,
    "number": _number,
    "float": _number,
    "boolean": lambda rules: st.booleans(),
    "list": _list,
    "dict": _object,
}


def _beyond(rules: Mapping[str, Any]) -> Any:
    """Return a strategy for values just outside of what the rules allow."""
    found = [rules[name] + step for name, step in (("min", -1), ("max", 1)) if name in rules]
    found += BAD_FORMATS.get(rules.get("format", ""), [])
    if "maxlength" in rules:
        found += ["x" * (rules["maxlength"] + 1), [1] * (rules["maxlength"] + 1)]
    return st.sampled_from([*found, None, "", []])
