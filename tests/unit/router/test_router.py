import sys
from types import FrameType

import pytest

from phasegate import Route
from phasegate.router import Router
from phasegate.testing import make_request


def route(id_: str, *uris: str, **fields: object) -> Route:
    return Route(id=id_, uris=uris, **fields)  # type: ignore[arg-type]


def matched(
    router: Router, target: str, method: str = "GET", host: str = "gateway.test", peer: str = "192.0.2.1"
) -> str | None:
    match = router.match(make_request(method, target, headers={"host": host}, peer=peer))
    return match.route.id if match else None


def test_no_route_matches_nothing() -> None:
    assert matched(Router([]), "/") is None


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/x", "exact"),
        ("/x/", "prefix"),
        ("/x/y/z", "prefix"),
        ("/xy", None),
        ("/user/7", "parameter"),
        ("/user/", None),
        ("/user/7/", None),
        ("/user/7/posts/9", "two parameters"),
        ("/user/7/files/a/b", "parameter and prefix"),
        ("/X", None),
        ("/x%2Fy", None),
    ],
)
def test_kinds_of_uri(target: str, expected: str | None) -> None:
    router = Router(
        [
            route("exact", "/x"),
            route("prefix", "/x/*"),
            route("parameter", "/user/:id"),
            route("two parameters", "/user/:id/posts/:post"),
            route("parameter and prefix", "/user/:id/files/*"),
        ]
    )
    assert matched(router, target) == expected


def test_parameters_and_the_prefix_are_reported() -> None:
    match = Router([route("r", "/user/:id/files/*")]).match(make_request(target="/user/7%2F8/files/a"))
    assert match is not None
    assert match.params == {"id": "7%2F8"}
    assert match.prefix == "/user/7%2F8/files/"


def test_exact_goes_before_parameters_before_the_longest_prefix() -> None:
    routes = [
        route("all", "/*", priority=9),
        route("short", "/a/*", priority=9),
        route("long", "/a/b/*"),
        route("parameter", "/a/b/:c"),
        route("exact", "/a/b/c"),
    ]
    assert matched(Router(routes), "/a/b/c") == "exact"
    assert matched(Router(routes[:-1]), "/a/b/c") == "parameter"
    assert matched(Router(routes[:-2]), "/a/b/c") == "long"
    assert matched(Router(routes[:-3]), "/a/b/c") == "short"
    assert matched(Router(routes[:-4]), "/a/b/c") == "all"


def test_hosts_go_before_paths() -> None:
    routes = [
        route("any", "/a"),
        route("wide", "/*", hosts=("*.example.com",)),
        route("narrow", "/*", hosts=("*.eu.example.com",)),
        route("exact", "/*", hosts=("api.eu.example.com",)),
    ]
    router = Router(routes)
    assert matched(router, "/a", host="API.eu.example.com:8080") == "exact"
    assert matched(router, "/a", host="b.eu.example.com") == "narrow"
    assert matched(router, "/a", host="x.y.example.com") == "wide"
    assert matched(router, "/a", host="example.com") == "any"


def test_a_route_whose_conditions_fail_gives_way_to_the_next() -> None:
    router = Router(
        [
            route("here", "/a", hosts=("example.com",), methods=frozenset({"POST"})),
            route("prefix", "/*", hosts=("example.com",), methods=frozenset({"PUT"})),
            route("any host", "/a"),
        ]
    )
    assert matched(router, "/a", "POST", "example.com") == "here"
    assert matched(router, "/a", "PUT", "example.com") == "prefix"
    assert matched(router, "/a", "GET", "example.com") == "any host"


def test_priority_then_conditions_then_source_then_age() -> None:
    base = route("older", "/a", order=1)
    newer = route("newer", "/a", order=2)
    admin = route("admin", "/a", order=0, source="admin")
    conditional = route("conditional", "/a", methods=frozenset({"GET"}))
    urgent = route("urgent", "/a", priority=1)
    assert matched(Router([base, newer, admin, conditional, urgent]), "/a") == "urgent"
    assert matched(Router([base, newer, admin, conditional]), "/a") == "conditional"
    assert matched(Router([base, newer, admin]), "/a") == "admin"
    assert matched(Router([base, newer]), "/a") == "newer"


def test_priority_decides_between_different_parameter_patterns() -> None:
    router = Router([route("a", "/user/:id"), route("b", "/:kind/list", priority=1)])
    assert matched(router, "/user/list") == "b"
    assert matched(router, "/user/7") == "a"


def test_client_addresses() -> None:
    router = Router([route("inside", "/", remote_addrs=("10.0.0.0/8", "2001:db8::/32"))])
    assert matched(router, "/", peer="10.1.1.1") == "inside"
    assert matched(router, "/", peer="2001:db8::1") == "inside"
    assert matched(router, "/", peer="192.0.2.1") is None


def test_several_uris_and_hosts_lead_to_one_route() -> None:
    router = Router([route("r", "/a", "/b/*", hosts=("x.test", "*.y.test"))])
    found = {
        (host, target): matched(router, target, host=host)
        for host in ("x.test", "a.y.test")
        for target in ("/a", "/b/c")
    }
    assert set(found.values()) == {"r"}


def test_configured_paths_are_brought_into_the_same_form() -> None:
    router = Router([route("r", "/gr%c3%b6%c3%9fe/%7euser")])
    assert matched(router, "/gr%C3%B6%C3%9Fe/~user") == "r"


@pytest.mark.parametrize("uri", ["/a/b", "/a/:id", "/a/*", "/:id/*"])
def test_of_many_that_fit_none_is_asked_behind_the_first(uri: str) -> None:
    few = Router([route(f"r{n}", uri, methods=frozenset({"GET"})) for n in range(10)])
    many = Router([route(f"r{n}", uri, methods=frozenset({"GET"})) for n in range(1000)])
    assert steps_of(few, "/a/b") == steps_of(many, "/a/b")


def test_parameters_of_one_request_are_not_the_next_one_s() -> None:
    router = Router([route("r", "/:x/*")])
    matches = [router.match(make_request(target=target)) for target in ("/a/b", "/c/d")]
    assert [(match.params, match.prefix) for match in matches if match] == [({"x": "a"}, "/a/"), ({"x": "c"}, "/c/")]


def test_matching_time_does_not_grow_with_the_number_of_routes() -> None:
    few = Router([route(f"r{n}", f"/s{n}/:id", f"/p{n}/*", f"/e{n}") for n in range(10)])
    many = Router([route(f"r{n}", f"/s{n}/:id", f"/p{n}/*", f"/e{n}") for n in range(5000)])
    for target in ("/s7/x", "/p7/x/y", "/e7", "/none"):
        assert steps_of(few, target) == steps_of(many, target)


def steps_of(router: Router, target: str) -> int:
    """Return how many lines of the router run to match a target."""
    steps = 0

    def count(frame: FrameType, event: str, argument: object) -> object:
        nonlocal steps
        steps += "router" in frame.f_code.co_filename
        return count

    request = make_request(target=target)
    sys.settrace(count)  # type: ignore[arg-type]
    router.match(request)
    sys.settrace(None)
    return steps
