"""Every way to misuse the plugin contract is refused when the class is loaded, with the remedy."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from phasegate import Exchange, Plugin, Response, hookimpl
from phasegate.contract import misuses
from phasegate.faas import FunctionPlugin
from phasegate.multi_auth import MultiAuth
from tests import zoo


def messages(cls: object) -> list[str]:
    return [finding.message for finding in misuses(cls)]


def test_the_zoo_keeps_the_contract() -> None:
    plugins = [
        cls for cls in vars(zoo).values() if isinstance(cls, type) and issubclass(cls, Plugin) and cls is not Plugin
    ]
    assert len(plugins) > 5
    assert [message for cls in plugins for message in messages(cls)] == []


def test_a_class_that_is_no_plugin() -> None:
    assert messages(dict) == ["is no subclass of phasegate.Plugin: derive it from Plugin"]
    assert messages("text") == ["is no subclass of phasegate.Plugin: derive it from Plugin"]


def test_a_synchronous_phase() -> None:
    @dataclass(kw_only=True)
    class P(Plugin):
        name: ClassVar[str] = "p"

        @hookimpl
        def access(self, exchange: Exchange) -> None:  # type: ignore[override]
            return None

    assert messages(P) == ["access is not a coroutine: write `async def access`"]


def test_a_phase_without_its_mark() -> None:
    @dataclass(kw_only=True)
    class P(Plugin):
        name: ClassVar[str] = "p"

        async def access(self, exchange: Exchange) -> Response | None:
            return None

    assert messages(P) == ["access is not marked, so it would never run: put @hookimpl above it"]


def test_an_unmarked_override_of_a_marked_phase() -> None:
    @dataclass(kw_only=True)
    class P(zoo.Witness):
        name: ClassVar[str] = "p"

        async def access(self, exchange: Exchange) -> Response | None:
            return None

    assert messages(P) == ["access is not marked, so it would never run: put @hookimpl above it"]


@pytest.mark.parametrize("wrapper", [{"wrapper": True}, {"hookwrapper": True}])
def test_a_hook_wrapper(wrapper: dict[str, Any]) -> None:
    @dataclass(kw_only=True)
    class P(Plugin):
        name: ClassVar[str] = "p"

        @hookimpl(**wrapper)  # type: ignore[untyped-decorator]
        async def access(self, exchange: Exchange) -> AsyncIterator[None]:
            yield

    assert "access is a hook wrapper, which async phases can't be: use the response phase instead" in messages(P)


def test_a_phase_with_other_arguments() -> None:
    @dataclass(kw_only=True)
    class P(Plugin):
        name: ClassVar[str] = "p"

        @hookimpl
        async def access(self) -> Response | None:  # type: ignore[override]
            return None

        @hookimpl
        async def response(self, exchange: Exchange) -> Response | None:  # type: ignore[override]
            return None

    assert messages(P) == [
        "access(self) must be access(self, exchange)",
        "response(self, exchange) must be response(self, exchange, response)",
    ]


def test_a_misspelt_phase() -> None:
    @dataclass(kw_only=True)
    class P(Plugin):
        name: ClassVar[str] = "p"

        @hookimpl
        async def acess(self, exchange: Exchange) -> Response | None:
            return None

    assert "acess is marked as a phase and is none: did you mean 'access'?" in messages(P)


def test_a_plugin_without_any_phase() -> None:
    @dataclass(kw_only=True)
    class P(Plugin):
        name: ClassVar[str] = "p"

    assert messages(P)[0].startswith("has no phase: implement one of rewrite, authenticate")


def test_a_field_with_the_name_of_a_phase() -> None:
    @dataclass(kw_only=True)
    class P(zoo.Witness):
        name: ClassVar[str] = "p"
        log: str = ""  # type: ignore[assignment]

    assert any("log must be a method" in message for message in messages(P))


def test_a_field_with_the_name_of_something_in_a_base() -> None:
    @dataclass(kw_only=True)
    class P(FunctionPlugin):
        name: ClassVar[str] = "p"
        target: str = ""  # type: ignore[assignment]

    assert "field 'target' has the name of something in FunctionPlugin: call it target_" in messages(P)


def test_a_class_that_is_no_dataclass() -> None:
    class P(zoo.Witness):
        name: ClassVar[str] = "p"

    assert "is no dataclass: put @dataclass(kw_only=True) above it" in messages(P)


def test_a_class_with_slots() -> None:
    @dataclass(kw_only=True, slots=True)
    class P(zoo.Witness):
        name: ClassVar[str] = "p"

    assert "has slots, in which super() fails on Python 3.11: leave slots=True out" in messages(P)


@pytest.mark.parametrize("name", ["", "Upper", "two words", "-x", "x-", "ü"])
def test_a_name_that_is_none(name: str) -> None:
    cls = zoo.variant(zoo.Witness, name=name)
    assert messages(cls) == ['needs `name: ClassVar = "..."`: lower-case words joined by -']


def test_a_plugin_for_another_version() -> None:
    cls = zoo.variant(zoo.Witness, name="p", api_version=2)
    assert messages(cls) == ["is written for plugin API 2, this is 1: install a matching version"]


def test_authentication_without_credentials() -> None:
    cls = zoo.variant(zoo.Token, name="p", consumer_schema=None, consumer_key="x")
    assert messages(cls) == [
        "authenticates and has no consumer_schema: say what its entry on a consumer holds",
        "consumer_key 'x' is no key of consumer_schema: add it there",
    ]


def test_a_credential_that_nothing_names() -> None:
    cls = zoo.variant(zoo.Token, name="p", consumer_key=None)
    assert messages(cls) == [
        "authenticates and has no consumer_key: say which key of consumer_schema names a credential"
    ]


def test_a_check_of_credentials_that_is_no_class_method() -> None:
    cls = zoo.variant(zoo.Token, name="p", check_credential=lambda self, config: ())
    assert messages(cls) == [
        "check_credential is no plain class method: write `@classmethod` above `def check_credential`"
    ]


def test_multi_auth_needs_no_phase() -> None:
    assert messages(MultiAuth) == []


def test_metadata_with_a_key_that_every_resource_has() -> None:
    cls = zoo.variant(zoo.Named, name="p", metadata_schema={"id": {"type": "string"}})
    assert messages(cls) == ["metadata_schema has the key 'id', which every resource has: call it something else"]


def test_methods_beside_the_phases_are_awaited_or_not() -> None:
    def opens(self: object, services: object) -> None:
        """Would be awaited, and return None."""

    async def checks(self: object) -> tuple[()]:
        return ()

    cls = zoo.variant(zoo.Witness, name="p", open=opens, check=checks)
    assert messages(cls) == [
        "open is no coroutine: write `async def open`",
        "check is a coroutine: write `def check`",
    ]


def test_a_phase_that_is_a_function_from_elsewhere() -> None:
    cls = zoo.variant(zoo.Witness, name="p", access=zoo.Witness.rewrite)
    assert messages(cls) == ["access is a function from elsewhere (Witness.rewrite): write it in the class"]


def test_a_diagnosis_that_is_no_asynchronous_generator() -> None:
    async def diagnose(self: Any, services: Any) -> None:
        return None

    expected = "diagnose is no asynchronous generator: write `async def diagnose` and yield each Diagnosis"
    assert messages(zoo.variant(zoo.Token, name="p", diagnose=diagnose)) == [expected]
    assert messages(zoo.variant(zoo.Token, name="p", diagnose=lambda self, services: ())) == [expected]
