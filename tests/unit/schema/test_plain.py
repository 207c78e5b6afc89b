"""What needs no cerberus must be what cerberus accepts."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.registry import Registry, installed
from phasegate.schema.plain import PlainTests
from phasegate.schema.resources import KINDS, UPSTREAM
from phasegate.schema.rules import Rules

pytestmark = pytest.mark.long

PLUGINS = Registry.load(installed()).classes.values()
DEFINITIONS = [*KINDS.values(), UPSTREAM, *(cls.schema for cls in PLUGINS)]
ODD: dict[str, Any] = {
    "nothing": {},
    "secret": {"secret": True},
    "either": {"type": ["string", "integer"], "allowed": ["a", 1]},
    "limited": {"type": "number", "min": 0, "max": 1},
    "long": {"type": "string", "minlength": 2, "maxlength": 3, "empty": True},
    "unbound": {"min": 1},
    "any": {"anyof": [{"type": "string"}, {"type": "integer"}]},
    "with": {"type": "string", "dependencies": "nothing"},
}
SCALARS = st.one_of(
    *(st.none(), st.booleans(), st.integers(-2, 100_000), st.floats(), st.text(max_size=4)),
    st.sampled_from(["a", "/x", "http://x.test/y", "10.0.0.0/8", "x.test", "roundrobin", "pass", "GET", "ab\n", ""]),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=1))


def flat(definition: Any) -> dict[str, Any]:
    return {
        key: {name: rule for name, rule in rules.items() if name not in ("schema", "valuesrules")}
        for key, rules in definition.items()
    }


@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("definition", [*DEFINITIONS, ODD])
@given(data=st.data())
def test_cerberus_accepts_what_is_plainly_good(definition: dict[str, Any], data: st.DataObject) -> None:
    keys = st.sampled_from([*definition, "unknown"])
    required = {key: VALUES for key, rules in definition.items() if rules.get("required")}
    document = {**data.draw(st.fixed_dictionaries(required)), **data.draw(st.dictionaries(keys, VALUES, max_size=3))}
    if PlainTests(definition).accept(document):
        assert Rules(flat(definition)).validate(document, normalize=False)


@pytest.mark.parametrize(
    ("key", "value", "plain"),
    [
        ("priority", 1, True),
        ("priority", True, False),
        ("priority", 1.0, False),
        ("host", "x.test", True),
        ("host", "x.test\n", False),
        ("methods", [], False),
        ("unknown", 1, False),
        ("name", None, False),
    ],
)
def test_plainly_good_is_told_from_what_cerberus_must_judge(key: str, value: object, plain: bool) -> None:
    assert PlainTests(KINDS["routes"]).accept({"id": "r", key: value}) is plain


def test_what_lacks_a_required_key_is_not_plainly_good() -> None:
    assert not PlainTests(KINDS["routes"]).accept({"uri": "/"})
