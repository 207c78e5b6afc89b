"""A snapshot built upon another one against one that is built from nothing: nobody can tell them apart."""

import copy
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate import ConfigError
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.snapshot import Snapshot
from phasegate.store.records import Key, Record
from phasegate.testing import make_request
from tests.zoo import Badge, Judge, Named, Token, Witness

pytestmark = pytest.mark.long

SCHEMAS = Schemas(Registry([Witness, Token, Badge, Judge, Named]))

IDS = {
    "routes": ["a", "b", "c"],
    "services": ["s", "t"],
    "upstreams": ["u", "v"],
    "plugin_configs": ["p"],
    "global_rules": ["g", "h"],
    "consumers": ["jack", "jill"],
    "consumer_groups": ["staff"],
    "credentials": ["jack/1", "jill/1", "jill/2"],
    "plugin_metadata": ["named", "named", "named", "witness"],
}
PLUGINS = [
    {},
    {"witness": {"mark": "one"}},
    {"witness": {"mark": "two", "_meta": {"priority": 3}}},
    {"witness": {"_meta": {"disable": True}}, "token": {}},
    {"token": {"header": "$env://HEADER"}},
    {"judge": {"verdict": "warning"}},
]
BROKEN = [{"judge": {"verdict": "error"}}, {"nope": {}}]
NODES = [{"nodes": {"127.0.0.1:1": 1}}, {"nodes": {"127.0.0.1:2": 1}}]
KEYS = [
    {"token": {"token": "x"}},
    {"token": {"token": "y"}},
    {"badge": {"token": "$env://KEY"}},
    {"badge": {"token": "x"}},
]


def fields(**values: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw an object; a value that is only sometimes there has None among its choices."""
    drawn = st.fixed_dictionaries({name: st.sampled_from(choices) for name, choices in values.items()})
    return drawn.map(lambda chosen: {name: value for name, value in chosen.items() if value is not None})


def often(good: list[Any], bad: list[Any]) -> list[Any]:
    return [*good * 5, *bad]


GIVEN = often(PLUGINS, BROKEN)
UPSTREAM = [None, None, *NODES]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "routes": fields(
        uri=often(["/x", "/x", "/y/*", "/:p"], ["bad"]),
        plugins=GIVEN,
        host=[None, "x.test", "*.test"],
        service_id=[None, None, *IDS["services"]],
        upstream_id=[None, None, None, *IDS["upstreams"]],
        plugin_config_id=[None, None, "p"],
        priority=[0, 1],
        status=often([1], [0]),
        upstream=[None] * 12 + NODES,
    ),
    "services": fields(plugins=GIVEN, hosts=[None, None, ["x.test"]], upstream_id=[None, *IDS["upstreams"]]),
    "upstreams": st.sampled_from(often(NODES, [{"nodes": {}}])),
    "plugin_configs": fields(plugins=GIVEN),
    "global_rules": fields(plugins=GIVEN),
    "consumers": fields(plugins=[{}, *GIVEN, *KEYS * 4], group_id=[None, "staff"]),
    "consumer_groups": fields(plugins=GIVEN),
    "credentials": fields(plugins=often(KEYS, [{}, {"witness": {}}, {"token": {}}])),
    "plugin_metadata": st.sampled_from(often([{"greeting": "hi"}, {}], [{"greeting": 5}])),
}


@dataclass
class Edit:
    kind: str
    id: str
    value: dict[str, Any] | None
    to_file: bool = False


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    kind = draw(st.sampled_from([*IDS, "routes", "routes", "services"]))
    value = None if draw(st.integers(0, 4)) == 0 else draw(VALUES[kind])
    to_file = kind != "credentials" and draw(st.booleans())
    return Edit(kind, draw(st.sampled_from(IDS[kind])), value, to_file)


@dataclass
class State:
    document: dict[str, list[Any]] = field(default_factory=dict)
    records: dict[Key, Record] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)

    def after(self, changes: list[Edit], revision: int, *, reread: bool) -> "State":
        state = State(self.document, dict(self.records), self.references)
        if reread or any(edit.to_file for edit in changes):
            state.document = copy.deepcopy(self.document)
        for edit in changes:
            state.file(edit) if edit.to_file else state.store(edit, revision)
        return state

    def file(self, edit: Edit) -> None:
        name = "username" if edit.kind == "consumers" else "id"
        entries = self.document.setdefault(edit.kind, [])
        place = next((index for index, entry in enumerate(entries) if entry[name] == edit.id), len(entries))
        entries[place : place + 1] = [] if edit.value is None else [{name: edit.id, **edit.value}]

    def store(self, edit: Edit, revision: int) -> None:
        former = self.records.pop((edit.kind, edit.id), None)
        if edit.value is not None:
            value = {"id": edit.id, "create_time": 1, "update_time": revision, **edit.value}
            created = former.created if former else revision
            self.records[edit.kind, edit.id] = Record(edit.kind, edit.id, value, created, revision)

    def built(self, previous: Snapshot | None) -> Snapshot | list[str]:
        try:
            return Snapshot(self.document, SCHEMAS, previous, records=self.records, references=self.references)
        except ConfigError as error:
            return sorted(map(str, error.findings))


BEGINNING: dict[str, list[Any]] = {
    "services": [{"id": "s", "plugins": {"witness": {"mark": "service"}}, "upstream_id": "u"}],
    "routes": [{"id": "a", "uri": "/x", "service_id": "s"}],
    "consumer_groups": [{"id": "staff", "plugins": {"witness": {"mark": "staff"}}}],
    "consumers": [{"username": "jack", "group_id": "staff", "plugins": {"badge": {"token": "x"}}}],
}
STORED = [
    Record("upstreams", "u", NODES[0], 0, 0),
    Record("upstreams", "v", NODES[1], 0, 0),
    Record("plugin_configs", "p", {"plugins": {"token": {}}}, 0, 0),
    Record("routes", "b", {"uri": "/y/*", "service_id": "s", "plugin_config_id": "p"}, 0, 0),
    Record("consumers", "jill", {"username": "jill"}, 0, 0),
    Record("credentials", "jill/1", {"plugins": {"token": {"token": "z"}}}, 0, 0),
]
REFERENCES = st.fixed_dictionaries(
    {}, optional={"$env://KEY": st.sampled_from(["x", "z"]), "$env://HEADER": st.sampled_from(["x-a", "x-b"])}
)
STEPS = st.lists(
    st.tuples(st.lists(edits(), min_size=1, max_size=3), st.booleans(), st.none() | REFERENCES), max_size=10
)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_nobody_can_tell_what_a_snapshot_was_built_upon(steps: list[tuple[list[Edit], bool, Any]]) -> None:
    state = State(BEGINNING, {record.key: record for record in STORED})
    built = state.built(None)
    assert isinstance(built, Snapshot)
    previous = built
    for revision, (changes, reread, references) in enumerate(steps, 1):
        proposed = state.after(changes, revision, reread=reread)
        proposed.references = state.references if references is None else references
        fresh, grown = proposed.built(None), proposed.built(previous)
        if isinstance(fresh, list) or isinstance(grown, list):
            assert grown == fresh
            continue
        assert seen(grown) == seen(fresh)
        assert all(new is old for new, old in kept(grown, previous))
        state, previous = proposed, grown


def seen(snapshot: Snapshot) -> dict[str, Any]:
    """Return everything about a snapshot that a request or a person can notice, and what it holds."""
    people = [snapshot.index.find(plugin, key) for plugin in ("token", "badge") for key in ("x", "y", "z")]
    instances = snapshot.chains.instances
    return {
        "routes": snapshot.routes,
        "warnings": sorted(map(str, snapshot.warnings)),
        "matches": [matched(snapshot, target, host) for target in ("/x", "/y/z", "/q") for host in ("x.test", "z")],
        "people": people,
        "chains": [chain(snapshot, route) for route in (None, *snapshot.routes)],
        "own": [
            chain(snapshot, route, found[0])
            for route in (None, *snapshot.routes)
            for found in people
            if found is not None
        ],
        "instances": {key: holder.instance for key, holder in instances.holders.items()},
        "metadata": snapshot.metadata("named"),
        "more": Counter(instances._more),
    }


def kept(snapshot: Snapshot, previous: Snapshot) -> list[tuple[object, object]]:
    """Return the instances of both that were made of the same, in pairs."""
    former = previous.chains.instances.holders
    holders = snapshot.chains.instances.holders.items()
    return [
        (holder.instance, former[key].instance)
        for key, holder in holders
        if key in former and former[key].made_of == holder.made_of
    ]


def matched(snapshot: Snapshot, target: str, host: str) -> object:
    return snapshot.router.match(make_request(target=target, headers={"host": host}))


def chain(snapshot: Snapshot, route: Any, consumer: Any = None) -> list[Any]:
    pipeline = snapshot.pipeline_for(route, consumer) if consumer else snapshot.pipeline(route)
    authenticating = [step for group in pipeline.authenticate for step in group.steps]
    steps = [*pipeline.rewrite, *authenticating, *pipeline.access, *pipeline.proxy, *pipeline.log]
    return [(plugin, call.__self__) for plugin, call in steps]  # type: ignore[attr-defined]
