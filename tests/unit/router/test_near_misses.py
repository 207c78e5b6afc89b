"""Why routes that came close are not taken."""

from typing import Any

import pytest

from phasegate import Route
from phasegate.router import NearMiss, Router, near_misses
from phasegate.router.near_misses import MOST
from phasegate.snapshot.slices import drained
from phasegate.testing import make_request


def route(id_: str, *uris: str, **fields: Any) -> Route:
    return Route(id=id_, uris=uris, **fields)


def missed(
    *routes: Route, target: str = "/x", method: str = "GET", host: str = "a.test", off: tuple[Route, ...] = ()
) -> list[NearMiss]:
    request = make_request(method, target, headers={"host": host, "x-version": "1"}, peer="192.0.2.1")
    return drained(near_misses(Router(routes), request, routes, off))


def told(*routes: Route, **request: Any) -> dict[str, list[str]]:
    return {miss.route.id: [reason.text for reason in miss.reasons] for miss in missed(*routes, **request)}


@pytest.mark.parametrize(
    ("loser", "reason"),
    [
        (route("r", "/x", methods=frozenset({"PUT", "POST"})), "it takes POST, PUT, not GET"),
        (route("r", "/x", remote_addrs=("10.0.0.0/8",)), "it takes clients of 10.0.0.0/8, not 192.0.2.1"),
        (route("r", "/x", hosts=("b.test", "*.c.test")), "it is for b.test, *.c.test, not for a.test"),
        (route("r", "/x", hosts=("*.a.test",)), "it is for *.a.test, not for a.test"),
        (route("r", "/x/*"), "its uri /x/* matches /x/ and below, not /x"),
        (route("r", "/x/"), "its uri /x/ differs from /x by the slash at the end"),
        (route("r", "/xy"), "its uri /xy does not match /x"),
        (route("r", "/x", vars=(("http_x_version", "==", "2"),)), "vars[0] does not hold"),
        (
            route("r", "/x", vars=("OR", ("arg_a", "==", "1"), ("arg_b", "==", "2"))),
            "vars does not hold",
        ),
    ],
)
def test_every_ground_is_told(loser: Route, reason: str) -> None:
    assert told(loser) == {"r": [reason]}


def test_a_route_that_is_turned_off_is_told() -> None:
    assert told(off=(route("r", "/x"),)) == {"r": ["it is turned off (status 0)"]}


def test_all_that_keeps_a_route_away_is_told() -> None:
    loser = route("r", "/x", methods=frozenset({"PUT"}), hosts=("b.test",))
    assert told(loser) == {"r": ["it is for b.test, not for a.test", "it takes PUT, not GET"]}


@pytest.mark.parametrize(
    ("winner", "loser", "why"),
    [
        (route("w", "/x", priority=9), route("r", "/x"), "its priority is higher, 9 over 0"),
        (route("w", "/x", methods=frozenset({"GET"})), route("r", "/x"), "it has more conditions"),
        (route("w", "/x", source="admin"), route("r", "/x"), "it is the Admin API's"),
        (route("w", "/x", order=2), route("r", "/x", order=1), "it is newer"),
        (route("a", "/x"), route("r", "/x"), "its id is"),
        (route("w", "/x"), route("r", "/:name"), "its uri is more exact"),
        (route("w", "/:name"), route("r", "/*"), "its uri is more exact"),
        (route("w", "/*", hosts=("a.test",)), route("r", "/x"), "its host is more exact"),
    ],
)
def test_a_route_that_is_beaten_is_told_by_what(winner: Route, loser: Route, why: str) -> None:
    assert told(loser, winner) == {"r": [f"it fits, and {winner.id} comes first: {why}"]}


def test_the_route_that_is_taken_is_no_near_miss_by_its_other_uri() -> None:
    assert told(route("r", "/x", "/:name", "/*")) == {}


def test_where_a_route_is_taken_others_paths_are_not_told() -> None:
    assert told(route("w", "/x"), route("r", "/xy"), route("z", "/xz", methods=frozenset({"PUT"}))) == {}


def test_a_path_that_is_nothing_like_it_is_not_told() -> None:
    assert told(route("r", "/quite/another"), target="/x") == {}


def test_the_closest_come_first_and_no_more_than_a_few() -> None:
    far = [route(f"far{number}", f"/orders/7/{number}") for number in range(20)]
    near = route("near", "/orders/:id", methods=frozenset({"PUT"}))
    slip = route("slip", "/ordres/:id", methods=frozenset({"GET"}))
    found = missed(*far, slip, near, target="/orders/7")
    assert [miss.route.id for miss in found[:2]] == ["near", "slip"]
    assert len(found) == MOST


def test_a_parameter_that_a_predicate_looks_at_is_known() -> None:
    numbered = route("r", "/x/:id", vars=(("uri_param_id", "~~", "^[0-9]+$"),))
    assert told(numbered, target="/x/a") == {"r": ["vars[0] does not hold"]}


def test_the_condition_that_fails_is_told() -> None:
    condition = ("http_x_version", "==", "2")
    (miss,) = missed(route("r", "/x", vars=(("arg_a", "!", "==", "1"), condition)))
    assert [reason.condition for reason in miss.reasons] == [condition]


@pytest.mark.parametrize(
    ("uri", "is_near"),
    [
        *[("/orders", True), ("/ordrs", True), ("/oorders", True), ("/oders", True), ("/ordets", True)],
        *[("/Orders", True), ("/odrers", True), ("/orders/all", True), ("/orders/", True), ("/orders/*", True)],
        *[
            ("/ordersxy", False),
            ("/orderxx", False),
            ("/orders/a/b", False),
            ("/", False),
            ("/*", True),
            ("/re", False),
        ],
    ],
)
def test_a_slip_of_a_path_is_one_letter_or_one_segment(uri: str, is_near: bool) -> None:
    assert bool(missed(route("r", uri, methods=frozenset({"PUT"})), target="/orders")) == is_near
