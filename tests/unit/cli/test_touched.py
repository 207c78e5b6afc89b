import pytest

from phasegate.cli.landscape import Landscape
from phasegate.cli.plan import Action, Change
from phasegate.cli.touched import touched
from phasegate.store.records import Key, Value

GUARDED: dict[Key, Value] = {
    ("routes", "g"): {"uri": "/g", "plugins": {"key-auth": {}}},
    ("routes", "o"): {"uri": "/o"},
}
KEY = {"plugins": {"key-auth": {"key": "k"}}}


def words(kind: str, id_: str, before: Value | None, after: Value | None, there: dict[Key, Value] | None = None) -> str:
    landscape = Landscape({**GUARDED, **(there or {})})
    action: Action = "create" if before is None else "delete" if after is None else "update"
    change = Change(action, kind, id_, before, after)
    then, now = (landscape.amended({change.key: value}) for value in (before, after))
    return touched(change, then, now, {"key-auth"}).words


@pytest.mark.parametrize(
    ("kind", "id_", "before", "after", "told"),
    [
        ("consumers", "jack", None, KEY, "jack may call route g"),
        ("consumers", "jack", KEY, None, "jack may not call route g any more"),
        ("consumers", "jack", KEY, {**KEY, "desc": "x"}, "touches requests of jack to route g"),
        ("consumers", "jack", None, {"plugins": {}}, "touches no route: jack has no credential in it"),
        ("credentials", "jack/one", None, KEY, "jack with credential one may call route g"),
        ("global_rules", "1", None, {"plugins": {"cors": {}}}, "every request runs through cors from now on"),
        ("global_rules", "1", {"plugins": {"a": {}}}, None, "every request does not run through a any more"),
        (
            "global_rules",
            "1",
            {"plugins": {"a": {}, "b": {}}},
            {"plugins": {"b": {"x": 1}, "c": {}}},
            (
                "every request runs through c from now on and does not run through a any more "
                "and runs through b with another configuration"
            ),
        ),
        ("global_rules", "1", {"plugins": {}}, {"plugins": {}, "desc": ""}, "nothing changes for requests"),
        ("plugin_metadata", "key-auth", None, {}, "touches route g"),
        ("plugin_metadata", "cors", None, {}, "touches no route"),
        ("services", "s", None, {}, "touches no route"),
        ("consumer_groups", "g", {}, None, "touches nobody: it has no members"),
        ("ssls", "1", {"snis": ["a.test"]}, {"sni": "b.test"}, "touches TLS connections to a.test, b.test"),
        ("secrets", "vault/1", {}, None, "touches no secret"),
    ],
)
def test_what_is_touched(kind: str, id_: str, before: Value | None, after: Value | None, told: str) -> None:
    assert words(kind, id_, before, after) == told


def test_a_group_touches_its_members() -> None:
    there: dict[Key, Value] = {("consumers", "jack"): {"group_id": "g"}, ("consumers", "jill"): {}}
    assert words("consumer_groups", "g", {}, {"plugins": {"cors": {}}}, there) == "touches requests of jack"


def test_a_manager_touches_what_refers_to_its_secrets() -> None:
    there: dict[Key, Value] = {("routes", "r"): {"plugins": {"p": {"keys": ["$secret://vault/1/a/b"]}}}}
    assert words("secrets", "vault/1", {}, {"uri": "x"}, there) == "touches the secrets of routes/r"
