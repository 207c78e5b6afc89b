"""Peers do what they are measured at: the key, the signature and the body that reach the upstream are right."""

import dataclasses
from collections.abc import Iterator

import pytest

from bench.child import Children
from bench.cores import Cores
from bench.errors import WrongRequest
from bench.peers import Cast, Peer, Site, start_proxies
from bench.scenario import Mode, Protocol, Scenario
from bench.tools import find_tools, missing
from bench.witness import Witness

NEEDED = {"nginx", "nginx_lua"}
pytestmark = pytest.mark.skipif(bool(missing(NEEDED, find_tools())), reason="install nginx and libnginx-mod-http-lua")
NAMES = ("nginx", "lua", "naive", "phasegate")
PROTOCOLS: tuple[Protocol, ...] = ("h1", "h2c")
AUTHORISED: tuple[Mode, ...] = ("api-key", "sigv4")


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    children, cores = Children(tmp_path_factory.mktemp("peers")), Cores.choose()
    try:
        started = start_proxies(
            Site(children.folder, children, Cores(cores.all, cores.all, cores.all), find_tools()), NAMES
        )
        for each in started.peers:
            each.wait()
        yield started
    finally:
        children.stop()


def peer(cast: Cast, name: str) -> Peer:
    (found,) = (each for each in cast.peers if each.name == name)
    return found


@pytest.mark.parametrize("body_bytes", [0, 1024, 65536])
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("mode", AUTHORISED)
@pytest.mark.parametrize("name", ["lua", "naive", "phasegate"])
def test_a_request_arrives_whole_and_authorised(
    cast: Cast, name: str, mode: Mode, protocol: Protocol, body_bytes: int
) -> None:
    scenario = Scenario(name="any", protocol=protocol, body_bytes=body_bytes)
    Witness().examine(peer(cast, name), mode, scenario)


def test_lua_signs_a_query_in_the_order_of_its_names(cast: Cast) -> None:
    asked = dataclasses.replace(peer(cast, "lua"), paths={"sigv4": "/sigv4?b=2&a=x%20y&c=%2F"})
    scenario = Scenario(name="any", protocol="h1")
    assert Witness().seen(asked, "sigv4", scenario)["request_uri"].count("=") == 3
    Witness().examine(asked, "sigv4", scenario)


@pytest.mark.parametrize("mode", AUTHORISED)
def test_the_upstream_refuses_what_is_not_authorised(cast: Cast, mode: Mode) -> None:
    bare = dataclasses.replace(peer(cast, "nginx"), paths={mode: f"/{mode}"})
    with pytest.raises(WrongRequest, match=f"nginx {mode}: HTTP/1.1 403"):
        Witness().examine(bare, mode, Scenario(name="any", protocol="h1"))


def test_a_false_signature_is_seen(cast: Cast) -> None:
    value = f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature={'0' * 64}"
    forged = dataclasses.replace(
        peer(cast, "nginx"),
        paths={"sigv4": "/sigv4"},
        headers={"authorization": value, "x-amz-date": "20260101T000000Z"},
    )
    with pytest.raises(WrongRequest, match="the signature that reached the upstream is '0000"):
        Witness().examine(forged, "sigv4", Scenario(name="any", protocol="h1"))
