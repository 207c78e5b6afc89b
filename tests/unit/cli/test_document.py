import pytest
import yaml

from phasegate import ConfigError
from phasegate.cli.document import exported, wanted
from phasegate.environment import fill
from phasegate.store.records import Key, Value

TIMES = {"create_time": 1, "update_time": 2}


def test_resources_are_found_by_kind_and_id() -> None:
    document = {"routes": [{"id": 7, "uri": "/a"}], "consumers": [{"username": "jack"}]}
    assert wanted(document) == {("routes", "7"): {"uri": "/a"}, ("consumers", "jack"): {"username": "jack"}}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"rotues": []}, "rotues: is not a known key: did you mean 'routes'?"),
        ({"protos": [{"id": "1"}]}, "protos: is not supported in this version"),
        ({"routes": {}}, "routes: must be a list"),
        ({"routes": ["x"]}, "routes[0]: must be an object"),
        ({"routes": [{"uri": "/"}]}, "routes[0].id: is required"),
        ({"consumers": [{"id": "x"}]}, "consumers[0].username: is required"),
        ({"routes": [{"id": "1"}, {"id": 1}]}, "routes[1].id: '1' stands there twice"),
        ({"credentials": [{"id": "one"}]}, "credentials[0].id: must be CONSUMER/NAME (got 'one')"),
        ({"secrets": [{"id": "1"}]}, "secrets[0].id: must be MANAGER/NAME (got '1')"),
    ],
)
def test_what_is_no_list_of_resources_is_told(document: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        wanted(document)
    assert str(caught.value).startswith(message)


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        wanted({"routes": [{}, {}], "x": 1})
    assert len(caught.value.findings) == 3


def test_an_export_leaves_out_times_and_is_in_a_fixed_order() -> None:
    resources: dict[Key, Value] = {
        ("consumers", "jack"): {"plugins": {}, "username": "jack", **TIMES},
        ("routes", "b"): {"uri": "/b", "plugins": {"z": {"b": 1, "a": 2}, "y": {}}, "id": "b"},
        ("routes", "a"): {"upstream_id": "u", "uri": "/a", "id": "a", **TIMES},
    }
    document = exported(resources)
    assert yaml.safe_dump(document, sort_keys=False, default_flow_style=None) == (
        "routes:\n"
        "- {id: a, uri: /a, upstream_id: u}\n"
        "- id: b\n  uri: /b\n  plugins:\n    y: {}\n    z: {a: 2, b: 1}\n"
        "consumers:\n"
        "- username: jack\n  plugins: {}\n"
    )


def test_an_export_is_what_is_wanted_again() -> None:
    resources: dict[Key, Value] = {
        ("routes", "a"): {"uri": "/a", "id": "a"},
        ("credentials", "jack/one"): {"id": "one", "plugins": {}},
        ("plugin_metadata", "log"): {"id": "log", "x": 1},
    }
    assert wanted(exported(resources)) == {
        ("routes", "a"): {"uri": "/a"},
        ("credentials", "jack/one"): {"plugins": {}},
        ("plugin_metadata", "log"): {"x": 1},
    }


def test_text_that_looks_like_a_variable_stays_text() -> None:
    document = exported({("routes", "a"): {"uri": "/a", "desc": "${HOME} and ${X:-y} and $Z"}})
    filled, findings = fill(document, {"HOME": "/root"})
    assert findings == []
    assert filled["routes"][0]["desc"] == "${HOME} and ${X:-y} and $Z"


def test_an_empty_store_is_a_file_that_can_be_applied() -> None:
    assert exported({}) == {"routes": []}
