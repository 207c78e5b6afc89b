from typing import Any

import pytest

from phasegate import ConfigError
from phasegate.authentication import Group
from phasegate.multi_auth import MultiAuth
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.snapshot import Snapshot
from tests.zoo import Answers, Badge, Token, Witness

SCHEMAS = Schemas(Registry([MultiAuth, Witness, Answers, Token, Badge]))
BOTH = [{"token": {}}, {"badge": {"header": "x-card"}}]


def snapshot(plugins: dict[str, Any], **document: Any) -> Snapshot:
    route = {"id": "r", "uri": "/", "plugins": plugins, "service_id": "s"}
    return Snapshot({"routes": [route], "services": [{"id": "s"}], **document}, SCHEMAS)


def group(plugins: dict[str, Any], **document: Any) -> Group:
    found = snapshot(plugins, **document)
    (one,) = found.pipeline(found.routes[0]).authenticate
    return one


def names(plugins: dict[str, Any], **document: Any) -> list[str]:
    return [step[0] for step in group(plugins, **document).steps]


def errors(plugins: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        snapshot(plugins)
    return [str(finding).removeprefix("routes[0].plugins.") for finding in caught.value.findings]


def test_the_plugins_inside_join_the_chain() -> None:
    assert sorted(names({"multi-auth": {"auth_plugins": BOTH}})) == ["badge", "token"]


def test_those_beside_are_composed_where_none_stand_inside() -> None:
    found = group({"multi-auth": {"policy": "all"}, "token": {}, "badge": {}})
    assert (found.policy, len(found.steps)) == ("all", 2)


def test_without_it_any_will_do() -> None:
    assert group({"token": {}, "badge": {}}).policy == "any"


def test_a_routes_own_takes_the_place_of_the_services_with_all_that_is_inside() -> None:
    services = [{"id": "s", "plugins": {"multi-auth": {"auth_plugins": [{"token": {}}]}}}]
    assert names({"multi-auth": {"auth_plugins": [{"badge": {}}]}}, services=services) == ["badge"]


def test_one_that_is_switched_off_takes_those_inside_along() -> None:
    found = snapshot({"multi-auth": {"auth_plugins": BOTH, "_meta": {"disable": True}}})
    assert found.pipeline(found.routes[0]).authenticate == ()


@pytest.mark.parametrize(
    ("plugins", "message"),
    [
        ({"multi-auth": {"auth_plugins": []}}, "multi-auth.auth_plugins: "),
        ({"multi-auth": {"auth_plugins": [{"token": {}, "badge": {}}]}}, "multi-auth.auth_plugins[0]: "),
        ({"multi-auth": {"auth_plugins": [{"token": 1}]}}, "multi-auth.auth_plugins[0].token: "),
        (
            {"multi-auth": {"auth_plugins": [{"token": {"headr": "x"}}]}},
            "multi-auth.auth_plugins[0].token.headr: is not a known key: did you mean 'header'?",
        ),
        (
            {"multi-auth": {"auth_plugins": [{"witness": {}}]}},
            "multi-auth.auth_plugins[0].witness: 'witness' is no auth plugin that is enabled here: add one that is",
        ),
        (
            {"multi-auth": {"auth_plugins": [{"token": {}}]}, "token": {}},
            "multi-auth.auth_plugins[0].token: stands beside multi-auth, too: remove one of them",
        ),
        (
            {"multi-auth": {"auth_plugins": [{"multi-auth": {}}]}},
            "multi-auth.auth_plugins[0].multi-auth: can't stand inside of itself: remove one of them",
        ),
        (
            {"multi-auth": {"auth_plugins": [{"token": {}}, {"token": {}}]}},
            "multi-auth.auth_plugins[1].token: stands there twice: a chain has one of each plugin",
        ),
        (
            {"multi-auth": {"policy": "all", "try_next": True}},
            "multi-auth.try_next: has no meaning with the policy all: remove it",
        ),
    ],
)
def test_what_is_refused(plugins: dict[str, Any], message: str) -> None:
    assert errors(plugins)[0].startswith(message)


@pytest.mark.parametrize(
    "document",
    [
        {"consumers": [{"username": "jack", "plugins": {"multi-auth": {}}}]},
        {"consumer_groups": [{"id": "g", "plugins": {"multi-auth": {}}}]},
    ],
)
def test_it_has_no_place_where_the_caller_is_known(document: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="who calls is known already"):
        Snapshot(document, SCHEMAS)


@pytest.mark.parametrize("meta", [{"filter": [["arg_a", "==", "1"]]}, {"error_response": "no"}])
def test_it_runs_in_no_phase_so_that_nothing_can_be_said_of_phases(meta: dict[str, Any]) -> None:
    (key,) = meta
    found = errors({"multi-auth": {"auth_plugins": BOTH, "_meta": meta}})
    assert [message.split(":")[0] for message in found] == [f"multi-auth._meta.{key}"]
