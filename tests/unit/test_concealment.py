import sys
from dataclasses import dataclass
from typing import ClassVar

import pytest

from phasegate import Plugin, Request
from phasegate.concealment import Concealment
from phasegate.errors import PluginFailed
from phasegate.testing import make_plugin, make_request
from tests.zoo import Token, Witness


@dataclass(kw_only=True)
class Names(Token):
    """Says where its credentials stand, and leaves taking them out to the gateway."""

    name: ClassVar[str] = "names"
    conceal = Plugin.conceal

    def concealed_fields(self) -> tuple[str, ...]:
        return ("X-Key", "x-other")

    def concealed_arguments(self) -> tuple[str, ...]:
        return ("key",)


def kept(request: Request) -> set[str]:
    return {name for name, _ in request.headers} - {"host"}


def asked() -> Request:
    return make_request("GET", "/?a=%7e&key=1&b=+&k%65y=2", headers={"x-key": "1", "x": "2", "x-token": "3"})


@pytest.mark.parametrize("take", [make_plugin(Names).conceal, Concealment([make_plugin(Names)]).take_from])
def test_what_plugins_name_is_taken_out_by_the_plugin_and_by_the_gateway(take: object) -> None:
    request = asked()
    assert callable(take)
    take(request)
    assert kept(request) == {"x", "x-token"}
    assert request.query.raw == "a=%7e&b=+"


def test_plugins_of_both_kinds_conceal_in_one_chain() -> None:
    request = asked()
    Concealment([make_plugin(Token), make_plugin(Witness), make_plugin(Names)]).take_from(request)
    assert kept(request) == {"x"}


def test_a_way_of_its_own_takes_the_place_of_names() -> None:
    @dataclass(kw_only=True)
    class Own(Names):
        name: ClassVar[str] = "own"

        def conceal(self, request: Request) -> None:
            request.headers.remove("x")

    request = asked()
    Concealment([make_plugin(Own)]).take_from(request)
    assert kept(request) == {"x-key", "x-token"}


def test_a_plugin_that_fails_is_named() -> None:
    request = make_request(headers={"x-unconcealable": "1"})
    with pytest.raises(PluginFailed, match="plugin token failed in conceal: RuntimeError"):
        Concealment([make_plugin(Token)]).take_from(request)


def test_who_has_nothing_to_conceal_changes_nothing() -> None:
    request = asked()
    raw = request.headers.raw
    Concealment([make_plugin(Witness)]).take_from(request)
    assert request.headers.raw is raw


def test_names_are_asked_for_once_a_plugin_is_open() -> None:
    plugin = make_plugin(Names)
    concealment = Concealment([plugin])
    plugin.concealed_fields = lambda: ("x-new",)  # type: ignore[method-assign]
    request = make_request(headers={"x-new": "1", "x-key": "2"})
    concealment.take_from(request)
    assert kept(request) == {"x-key"}


@pytest.mark.parametrize("names", [lambda: "apikey", lambda: (b"apikey",), lambda: None, sys.exit])
def test_a_plugin_that_can_not_say_what_to_conceal_is_named(names: object) -> None:
    plugin = make_plugin(Names)
    plugin.concealed_fields = names  # type: ignore[assignment,method-assign]
    with pytest.raises(PluginFailed, match="plugin names failed in conceal"):
        Concealment([plugin]).take_from(asked())
