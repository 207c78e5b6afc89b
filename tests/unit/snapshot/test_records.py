"""What the Admin API wrote, beside what the file holds."""

from typing import Any

import pytest

from phasegate import ConfigError, Secret
from phasegate.environment import FromEnvironment
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.snapshot import Snapshot
from phasegate.store.records import Record
from phasegate.testing import make_request
from tests.zoo import Answers, Judge, Named, Token, Witness

SCHEMAS = Schemas(Registry([Witness, Answers, Token, Judge, Named]))
JACK = Record("consumers", "jack", {"username": "jack"}, 1, 1)


def record(kind: str, id_: str, *, created: int = 1, **value: Any) -> Record:
    times = {"create_time": 1_700_000_000, "update_time": 1_700_000_000}
    return Record(kind, id_, {"id": id_.rpartition("/")[2], **times, **value}, created, created)


def built(*records: Record, references: dict[str, str] | None = None, **document: Any) -> Snapshot:
    return Snapshot(document, SCHEMAS, records={each.key: each for each in records}, references=references or {})


def errors(*records: Record, **document: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        built(*records, **document)
    return [str(finding) for finding in caught.value.findings]


def matched(snapshot: Snapshot, target: str = "/") -> str | None:
    match = snapshot.router.match(make_request(target=target))
    return match.route.id if match else None


def test_a_record_joins_the_resources_of_the_file() -> None:
    snapshot = built(record("routes", "r", uri="/", service_id="s"), services=[{"id": "s", "hosts": ["gateway.test"]}])
    assert snapshot.routes[0].hosts == ("gateway.test",)
    assert (snapshot.routes[0].source, snapshot.routes[0].order) == ("admin", 1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (record("routes", "1", uri="x"), "routes/1.uri: is no path: path 'x' does not begin with a slash"),
        (
            record("routes", "1", uri="/", plugins={"witness": {"x": 1}}),
            "routes/1.plugins.witness.x: is not a known key",
        ),
        (
            record("routes", "1", uri="/", upstream_id="u"),
            "routes/1.upstream_id: there is no upstream 'u'; known: none",
        ),
        (
            record("routes", "a b", uri="/"),
            "routes/a b.id: must be 1 to 64 letters, digits, . _ or -, not . or .. alone (got 'a b')",
        ),
        (record("protos", "1"), "protos/1: there are no protos in this version: remove it"),
        (
            record("credentials", "jill/1", plugins={"token": {"token": "x"}}),
            "credentials/jill/1: there is no consumer",
        ),
        (
            record("credentials", "jack/1", plugins={"token": {"token": "x"}, "witness": {}}),
            "credentials/jack/1.plugins: must hold one auth plugin (got 2)",
        ),
        (record("credentials", "jack/1", plugins={}), "credentials/jack/1.plugins: must hold one auth plugin (got 0)"),
        (
            record("credentials", "jack/1", plugins={"witness": {}}),
            "credentials/jack/1.plugins.witness: is no auth plugin",
        ),
        (record("credentials", "jack/1", plugins={"token": {}}), "credentials/jack/1.plugins.token.token: is required"),
        (record("plugin_metadata", "witness"), "plugin_metadata/witness: plugin 'witness' takes no metadata"),
        (record("plugin_metadata", "nope"), "plugin_metadata/nope: unknown plugin 'nope'; enabled:"),
        (record("plugin_metadata", "named", greeting=1), "plugin_metadata/named.greeting: must be a string (got 1)"),
        (record("consumer_groups", "g", plugins={"nope": {}}), "consumer_groups/g.plugins.nope: unknown plugin 'nope'"),
    ],
)
def test_a_mistake_in_a_record_is_told_with_its_kind_and_id(given: Record, message: str) -> None:
    found = errors(given, JACK)
    assert found[0].startswith(message)


def test_an_id_that_file_and_store_both_have_is_told_with_both() -> None:
    found = errors(record("routes", "r", uri="/a"), routes=[{"id": "q", "uri": "/"}, {"id": "r", "uri": "/b"}])
    assert found == ["routes/r.id: 'r' is taken by routes[1]: choose another"]


def test_a_reference_to_what_is_refused_is_no_mistake_of_its_own() -> None:
    found = errors(record("routes", "r", uri="/", service_id="s"), record("services", "s", hosts=5))
    assert found == ["services/s.hosts: must be a list (got 5)"]


def test_the_times_of_a_record_are_no_keys_of_the_file() -> None:
    found = errors(routes=[{"id": "r", "uri": "/", "create_time": 1}])
    assert found[0].startswith("routes[0].create_time: is not a known key")


def test_a_record_goes_before_the_file_and_a_younger_record_before_an_older() -> None:
    file = [{"id": "f", "uri": "/"}]
    assert matched(built(routes=file)) == "f"
    assert matched(built(record("routes", "a", uri="/"), routes=file)) == "a"
    assert matched(built(record("routes", "a", uri="/", created=9), record("routes", "b", uri="/"), routes=file)) == "a"


def test_a_credential_lets_its_consumer_in() -> None:
    snapshot = built(JACK, record("credentials", "jack/1", plugins={"token": {"token": "x"}}))
    found = snapshot.index.find("token", "x")
    assert found is not None
    assert (found[0].username, found[1].id) == ("jack", "jack/1")


def test_a_credential_of_a_consumer_in_the_file_is_one_of_its_own() -> None:
    snapshot = built(
        record("credentials", "jack/1", plugins={"token": {"token": "x"}}),
        consumers=[{"username": "jack", "plugins": {"token": {"token": "y"}}}],
    )
    ids = [found[1].id for key in ("x", "y") if (found := snapshot.index.find("token", key))]
    assert ids == ["jack/1", "jack/token"]


def test_a_key_of_another_consumer_is_refused_in_a_credential_too() -> None:
    found = errors(
        JACK,
        record("credentials", "jack/1", plugins={"token": {"token": "sesame"}}),
        consumers=[{"username": "jill", "plugins": {"token": {"token": "sesame"}}}],
    )
    assert found == ["credentials/jack/1.plugins.token.token: is the key of consumer 'jill' too: give each its own"]


def test_a_group_s_plugins_go_before_the_route_s_and_after_the_consumer_s_own() -> None:
    snapshot = built(
        record("consumer_groups", "g", plugins={"answers": {"text": "group"}, "witness": {"mark": "group"}}),
        consumers=[
            {"username": "jack", "group_id": "g", "plugins": {"token": {"token": "x"}, "witness": {"mark": "own"}}}
        ],
        routes=[{"id": "r", "uri": "/", "plugins": {"answers": {"text": "route"}, "witness": {"mark": "route"}}}],
    )
    found = snapshot.index.find("token", "x")
    assert found is not None
    assert found[0].group_id == "g"
    steps = snapshot.pipeline_for(snapshot.routes[0], found[0]).proxy
    assert [getattr(call, "__self__", None) for _, call in steps] == [
        Answers(phase="proxy", text="group"),
        Witness(mark="own"),
    ]


def test_metadata_has_its_defaults_and_hides_its_secrets() -> None:
    snapshot = built(plugin_metadata=[{"id": "named", "password": "sesame"}])
    assert snapshot.metadata("named") == {"greeting": "hello", "password": Secret("sesame")}
    assert snapshot.metadata("witness") is None
    assert "sesame" not in repr(snapshot.metadata("named"))


def test_a_reference_stands_for_its_value() -> None:
    given = record("routes", "r", uri="/", priority="$env://FIRST", plugins={"answers": {"text": "$env://TEXT"}})
    snapshot = built(given, references={"$env://FIRST": "7", "$env://TEXT": "told"})
    assert (snapshot.routes[0].priority, snapshot.routes[0].plugins[0].config["text"]) == (7, "told")


def test_unchanged_resources_are_taken_over_as_they_are() -> None:
    kept, changed = record("routes", "kept", uri="/kept"), record("routes", "changed", uri="/changed")
    first = built(kept, changed)
    records = {kept.key: kept, changed.key: record("routes", "changed", uri="/other", created=1)}
    second = Snapshot({}, SCHEMAS, first, records=records)
    (_, former), (_, present) = first.routes, second.routes
    assert former.id == "kept"
    assert present is former
    assert second.pipeline(present) is first.pipeline(former)


@pytest.mark.parametrize("written", [True, 1.0, "1"])
def test_an_entry_that_equals_the_former_one_and_is_of_another_type_is_judged_anew(written: object) -> None:
    first = built(routes=[{"id": "r", "uri": "/", "priority": 1}])
    with pytest.raises(ConfigError, match="priority: must be an integer"):
        Snapshot({"routes": [{"id": "r", "uri": "/", "priority": written}]}, SCHEMAS, first)


def test_what_the_environment_gave_is_another_value_than_what_the_file_says() -> None:
    first = built(routes=[{"id": "r", "uri": "/", "priority": FromEnvironment("7")}])
    with pytest.raises(ConfigError, match="priority: must be an integer"):
        Snapshot({"routes": [{"id": "r", "uri": "/", "priority": "7"}]}, SCHEMAS, first)
