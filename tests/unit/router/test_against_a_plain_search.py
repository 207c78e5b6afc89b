"""The router against the same rules written as a plain search over all routes."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate import Request, Route
from phasegate.router import Router
from phasegate.testing import make_request

pytestmark = pytest.mark.long

segment = st.sampled_from(["a", "b", ":p", ":q"])
uris = st.builds(
    lambda parts, star: "/" + "/".join([*parts, *(["*"] if star else [])]),
    st.lists(segment, max_size=3, unique=True),
    st.booleans(),
)
hosts = st.sampled_from([(), ("x.test",), ("*.test",), ("*.x.test",)])
routes = st.lists(
    st.tuples(uris, hosts, st.sampled_from([0, 0, 1]), st.sampled_from([(), ("GET",), ("POST",)])), max_size=8
)
targets = st.builds(lambda parts: "/" + "/".join(parts), st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=4))


def plain_search(candidates: list[Route], request: Request) -> str | None:
    fitting = [(rank, route.id) for route in candidates if (rank := rank_of(route, request)) is not None]
    return min(fitting)[1] if fitting else None


def rank_of(route: Route, request: Request) -> tuple[int, ...] | None:
    host, path = host_rank(route, request.host), path_rank(route.uris[0], request.path)
    if host is None or path is None or (route.methods and request.method not in route.methods):
        return None
    return (*host, *path, -route.priority, -bool(route.methods), -route.order)


def host_rank(route: Route, host: str) -> tuple[int, int] | None:
    pattern = route.hosts[0] if route.hosts else ""
    if not pattern:
        return 2, 0
    if not pattern.startswith("*"):
        return (0, 0) if pattern == host else None
    return (1, -len(pattern)) if host.endswith(pattern[1:]) else None


def path_rank(uri: str, path: str) -> tuple[int, int] | None:
    expression = re.sub(r":\w+", "[^/]+", uri.removesuffix("*"))
    if uri.endswith("*"):
        match = re.match(expression, path)
        return (2, -uri.count("/")) if match else None
    if re.fullmatch(expression, path) is None:
        return None
    return (1, 0) if ":" in uri else (0, 0)


def built(drawn: list[tuple[str, tuple[str, ...], int, tuple[str, ...]]]) -> list[Route]:
    return [
        Route(id=str(order), uris=(uri,), hosts=hosts_, priority=priority, methods=frozenset(methods), order=order)
        for order, (uri, hosts_, priority, methods) in enumerate(drawn)
    ]


@settings(max_examples=400, deadline=None)
@given(routes, targets, st.sampled_from(["x.test", "a.x.test", "other"]), st.sampled_from(["GET", "POST"]))
def test_the_router_finds_what_a_plain_search_finds(
    drawn: list[tuple[str, tuple[str, ...], int, tuple[str, ...]]], target: str, host: str, method: str
) -> None:
    candidates = built(drawn)
    request = make_request(method, target, headers={"host": host})
    assert found(Router(candidates), request) == plain_search(candidates, request)


@settings(max_examples=400, deadline=None)
@given(routes, targets, st.sampled_from(["x.test", "a.x.test", "other"]), st.sampled_from(["GET", "POST"]))
def test_the_route_that_is_taken_is_the_first_that_fits_and_accepts(
    drawn: list[tuple[str, tuple[str, ...], int, tuple[str, ...]]], target: str, host: str, method: str
) -> None:
    router = Router(built(drawn))
    request = make_request(method, target, headers={"host": host})
    fitting = [fit.match for fit in router.fitting(request)]
    assert router.match(request) == next((one for one in fitting if one.candidate.accepts(request, one.params)), None)
    assert all(one.prefix is None or request.path.startswith(one.prefix) for one in fitting)


@settings(max_examples=400, deadline=None)
@given(routes, st.lists(st.tuples(st.integers(0, 7), st.booleans()), max_size=12), targets)
def test_a_forked_router_finds_what_is_in_it_and_its_origin_what_was(
    drawn: list[tuple[str, tuple[str, ...], int, tuple[str, ...]]], changes: list[tuple[int, bool]], target: str
) -> None:
    candidates = built(drawn)
    history: list[tuple[Router, list[Route]]] = [(Router(), [])]
    for index, again in changes:
        router, held = history[-1]
        if index < len(candidates):
            router = router if again else router.fork()
            route = candidates[index]
            router.remove(route) if route in held else router.add(route)
            held = [other for other in held if other is not route] if route in held else [*held, route]
            history[-1 if again else len(history) :] = [(router, held)]
    for host in ("x.test", "a.x.test", "other"):
        request = make_request("GET", target, headers={"host": host})
        for router, held in history:
            assert found(router, request) == plain_search(held, request)


def test_a_router_from_which_everything_was_taken_holds_nothing() -> None:
    router = Router()
    route = Route(id="r", uris=("/a/:p/*", "/a", "/a/b"), hosts=("x.test", "*.test"))
    router.add(route)
    router.remove(route)
    assert (router._exact, router._wildcard, router._any.is_empty) == ({}, {}, True)


def found(router: Router, request: Request) -> str | None:
    match = router.match(request)
    return match.route.id if match else None
