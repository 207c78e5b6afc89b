from typing import Any

import pytest

from phasegate.cli.landscape import Landscape
from phasegate.cli.plan import Change, Plan
from phasegate.cli.traffic import Traffic
from phasegate.store.records import Key, Value

AUTH = frozenset({"key-auth"})
A, B = {"nodes": {"a.test:80": 1}}, {"nodes": {"b.test:80": 1}}


def changed(before: Value | None, after: Value | None, kind: str = "routes", id_: str = "x") -> Change:
    return Change("create" if before is None else "delete" if after is None else "update", kind, id_, before, after)


def told(change: Change, *others: Change, there: dict[Key, Any] | None = None, filed: bool = False) -> list[str]:
    """Return what a change means beside others, where there are resources that stay as they are, maybe the file's."""
    present = dict(there or {}) | {item.key: item.before for item in (change, *others) if item.before is not None}
    landscape = Landscape(present, frozenset(there or {}) if filed else frozenset())
    return Traffic(Plan(1, (change, *others)), landscape, AUTH).of(change)


def route(uri: str = "/x", **more: Any) -> dict[str, Any]:
    return {"uri": uri, **({} if {"upstream_id", "plugins", "service_id"} & more.keys() else {"upstream": A}), **more}


def function(uri: str, **config: Any) -> dict[str, Any]:
    return {"plugins": {"aws-lambda": {"function_uri": uri, **config}}}


@pytest.mark.parametrize(
    ("created", "sentence"),
    [
        (route(), "/x goes to http://a.test:80"),
        (route(methods=["POST", "GET"], host="h.test"), "GET, POST h.test/x goes to http://a.test:80"),
        (route(**function("https://f.test/fn?code=s3cret")), "/x goes to https://f.test/fn"),
        (route(plugins={"key-auth": {}}, upstream=A), "/x goes to http://a.test:80, and needs key-auth"),
        (route(plugins={"key-auth": {"_meta": {"disable": True}}}, upstream=A), "/x goes to http://a.test:80"),
        (route(plugins={"mock": {}}), "/x goes to what its plugins answer"),
        (route(plugins={}), "/x goes to nowhere"),
        (route(vars=[["arg_a", "==", "1"]]), "/x goes to http://a.test:80 where its conditions hold"),
        (route(status=0), "is turned off: no request takes it"),
        (
            route(
                upstream={
                    "scheme": "https",
                    "nodes": [{"host": "h", "port": 1, "weight": 2}, {"host": "i", "weight": 1}],
                }
            ),
            "/x goes to https://h:1 (2), https://i (1)",
        ),
        (
            route(upstream={"nodes": {f"n{index}": 1 for index in range(5)}}),
            "/x goes to http://n0, http://n1, http://n2 and 2 more nodes",
        ),
    ],
)
def test_a_new_route_tells_where_its_requests_go(created: Value, sentence: str) -> None:
    assert told(changed(None, created)) == [sentence]


def test_a_new_route_takes_requests_from_another_one() -> None:
    there = {("routes", "wide"): route("/*")}
    assert told(changed(None, route("/x/:id")), there=there) == [
        "/x/:id goes to http://a.test:80 instead of route wide"
    ]


def test_a_new_route_that_another_one_hides_says_so() -> None:
    there = {("routes", "first"): route(priority=9)}
    assert told(changed(None, route()), there=there) == ["/x would go to http://a.test:80, but route first comes first"]


def test_of_two_that_are_alike_the_stores_comes_before_the_files() -> None:
    there = {("routes", "a"): route()}
    assert told(changed(None, route()), there=there, filed=True) == ["/x goes to http://a.test:80 instead of route a"]


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (route("/*"), "requests to /x will take route other"),
        (route("/:any"), "requests to /x will take route other"),
        (route("/*", host="other.test"), "requests to /x will find no route"),
        (route("/*", methods=["POST"]), "requests to /x will find no route"),
        (route("/*", status=0), "requests to /x will find no route"),
        (route("/*", vars=[["arg_a", "==", "1"]]), "requests to /x will find no route"),
        (route("/y"), "requests to /x will find no route"),
        (route("(from the environment)"), "requests to /x will find no route"),
    ],
)
def test_a_route_that_goes_tells_who_takes_its_requests(other: Value, sentence: str) -> None:
    assert told(changed(route(), None), there={("routes", "other"): other}) == [sentence]


def test_hosts_come_from_the_service_too() -> None:
    there = {("services", "s"): {"hosts": ["*.s.test"], "upstream": A}}
    assert told(changed(route(service_id="s"), None), there=there) == ["requests to *.s.test/x will find no route"]


@pytest.mark.parametrize(
    ("before", "after", "sentences"),
    [
        (route(), route(upstream=B), ["/x goes to http://b.test:80 instead of http://a.test:80"]),
        (route(), route(upstream={**A, "retries": 2}), ["/x is sent to its upstream by other settings"]),
        (
            route(**function("https://a.test/", timeout=100)),
            route(**function("https://b.test/", timeout=100)),
            ["/x goes to https://b.test/ instead of https://a.test/"],
        ),
        (
            route(**function("https://a.test/", timeout=100)),
            route(**function("https://a.test/", timeout=200)),
            ["/x runs through aws-lambda with another configuration"],
        ),
        (route(), route(plugins={"key-auth": {}}, upstream=A), ["/x needs key-auth from now on"]),
        (
            route(plugins={"key-auth": {}}, upstream=A),
            route(),
            ["/x does not need key-auth any more: anybody may call it"],
        ),
        (
            route(plugins={"multi-auth": {"auth_plugins": [{"key-auth": {}}]}}, upstream=A),
            route(),
            [
                "/x does not need key-auth any more: anybody may call it",
                "/x does not run through multi-auth any more",
            ],
        ),
        (
            route(plugins={"multi-auth": {"auth_plugins": [{"key-auth": {}}]}}, upstream=A),
            route(plugins={"multi-auth": {"auth_plugins": [{"key-auth": {}}], "_meta": {"disable": True}}}, upstream=A),
            [
                "/x does not need key-auth any more: anybody may call it",
                "/x does not run through multi-auth any more",
            ],
        ),
        (route(), route(plugins={"cors": {}}, upstream=A), ["/x runs through cors from now on"]),
        (route(plugins={"cors": {}}, upstream=A), route(), ["/x does not run through cors any more"]),
        (route(), route(timeout={"read": 1}), ["/x has a timeout from now on"]),
        (route(priority=1), route(priority=2), ["/x has another priority"]),
        (route(priority=1), route(), ["/x has no priority any more"]),
        (route(desc="a"), route(desc="b"), ["/x: nothing changes for requests"]),
        (route(), route("/y"), ["requests to /x will find no route", "/y goes to http://a.test:80"]),
        (
            route(),
            {"uris": ["/x", "/y"], "upstream": B},
            ["/y goes to http://b.test:80", "/x goes to http://b.test:80 instead of http://a.test:80"],
        ),
        (route(), route(status=0), ["is turned off: no request takes it", "requests to /x will find no route"]),
        (
            route(methods=["GET", "PUT"]),
            route(methods=["GET"]),
            ["requests to PUT /x will find no route", "GET /x: nothing changes for requests"],
        ),
        (
            route(methods=["GET"]),
            route(methods=["GET", "PUT"]),
            ["PUT /x goes to http://a.test:80", "GET /x: nothing changes for requests"],
        ),
        (
            route(),
            route(methods=["GET"]),
            ["requests to /x by other methods will find no route", "GET /x goes to http://a.test:80"],
        ),
        (route(methods=["GET"]), route(), ["/x goes to http://a.test:80"]),
        (route(host="h.test"), route(), ["/x goes to http://a.test:80"]),
        (route("/x/*"), route("/*"), ["/* goes to http://a.test:80"]),
        (route(status=0), route(), ["/x goes to http://a.test:80"]),
    ],
)
def test_a_changed_route_tells_what_is_different(before: Value, after: Value, sentences: list[str]) -> None:
    assert told(changed(before, after)) == sentences


def test_a_shared_upstream_tells_of_all_routes_that_it_moves() -> None:
    there = {
        ("services", "s"): {"upstream_id": "u"},
        ("routes", "a"): route("/a", upstream_id="u"),
        ("routes", "b"): route("/b", service_id="s"),
        ("routes", "c"): route("/c"),
    }
    assert told(changed(A, B, "upstreams", "u"), there=there) == [
        "touches routes a, b",
        "routes a, b: goes to http://b.test:80 instead of http://a.test:80",
    ]


def test_a_route_that_changes_itself_is_told_of_once() -> None:
    moved = changed(route(upstream_id="u"), route("/y", upstream_id="u"))
    assert told(changed(A, B, "upstreams", "u"), moved) == ["touches route x"]


def test_many_routes_are_counted() -> None:
    there = {("routes", f"r{index}"): route(upstream_id="u") for index in range(1000)}
    lines = told(changed(A, B, "upstreams", "u"), there=there)
    assert lines[0] == "touches routes r0, r1, r2, r3, r4 and 995 more"
    assert len(lines) == 2


def test_a_plugin_config_tells_what_it_adds_to_its_routes() -> None:
    there = {("routes", "a"): route("/a", plugin_config_id="p", upstream=A)}
    change = changed({"plugins": {}}, {"plugins": {"key-auth": {}}}, "plugin_configs", "p")
    assert told(change, there=there) == ["touches route a", "route a: needs key-auth from now on"]
