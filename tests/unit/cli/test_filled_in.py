import pytest

from phasegate.cli.filled_in import kinds_in_doubt, unquoted, with_types
from phasegate.environment import FromEnvironment as Env
from phasegate.store.records import Key, Value

SCHEMA = {
    "properties": {
        "priority": {"type": "integer"},
        "name": {"type": "string"},
        "either": {"type": ["string", "integer"]},
        "plugins": {"properties": {"p": {"properties": {"on": {"type": "boolean"}, "rate": {"type": "number"}}}}},
        "nodes": {
            "anyOf": [
                {"type": "object", "additionalProperties": {"type": "integer"}},
                {"type": "array", "items": {"properties": {"port": {"type": "integer"}}}},
            ]
        },
    }
}


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ({"priority": Env("5")}, {"priority": 5}),
        ({"name": Env("5")}, {"name": "5"}),
        ({"either": Env("5")}, {"either": "5"}),
        ({"unknown": Env("5")}, {"unknown": "5"}),
        ({"priority": Env("five")}, {"priority": "five"}),
        ({"priority": "5"}, {"priority": "5"}),
        ({"plugins": {"p": {"on": Env("TRUE"), "rate": Env("0.5")}}}, {"plugins": {"p": {"on": True, "rate": 0.5}}}),
        ({"nodes": {"h:1": Env("3")}}, {"nodes": {"h:1": 3}}),
        ({"nodes": [{"port": Env("80"), "host": Env("1")}]}, {"nodes": [{"port": 80, "host": "1"}]}),
    ],
)
def test_text_becomes_what_the_schema_asks_for(sent: dict[str, object], meant: dict[str, object]) -> None:
    assert with_types({("routes", "a"): sent}, {"routes": SCHEMA}) == {("routes", "a"): meant}


def test_schemas_are_needed_only_where_text_could_mean_something_else() -> None:
    resources: dict[Key, Value] = {
        ("routes", "a"): {"uri": Env("/a"), "priority": 5},
        ("upstreams", "u"): {"nodes": [{"port": Env("80")}]},
        ("consumers", "c"): {"desc": "5"},
    }
    assert kinds_in_doubt(resources) == {"upstreams"}


@pytest.mark.parametrize(
    ("text", "message", "told"),
    [
        ("s3cret", "uri: is no path (got 's3cret')", "uri: is no path (got (from the environment))"),
        ("s3cret", "no upstream with id [s3cret]", "no upstream with id (from the environment)"),
        ("a-long-s3cret", "https://a-long-s3cret.test is odd", "https://(from the environment).test is odd"),
        ("s" * 80, f"(got {repr('s' * 80)[:60]}...)", "(got (from the environment)...)"),
        ("http://u:p@h/s3cret?q", "(got 'http://***@h/s3cret?***')", "(got (from the environment))"),
        ("a-long-s3cret-path", "of all /a-long-s3cret-pa is odd", "of all /(from the environment) is odd"),
        ("https://s3cret", "must be a URL such as https://a.test", "must be a URL such as https://a.test"),
        ("5", "must be at least 15", "must be at least 15"),
    ],
)
def test_a_message_quotes_nothing_out_of_the_environment(text: str, message: str, told: str) -> None:
    assert unquoted(message, {("routes", "a"): {"uri": [Env(text)]}}) == told
