from typing import Any

import pytest

from phasegate import ConfigError
from phasegate.environment import FromEnvironment
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.snapshot import Snapshot
from tests.zoo import Answers, Badge, Judge, Token, Witness

SCHEMAS = Schemas(Registry([Witness, Answers, Token, Badge, Judge]))
NODES = {"nodes": {"127.0.0.1:1980": 1}}


def resolved(**document: Any) -> Snapshot:
    return Snapshot(document, SCHEMAS)


def errors(**document: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Snapshot(document, SCHEMAS)
    return [str(finding) for finding in caught.value.findings]


def route(**fields: Any) -> dict[str, Any]:
    return {"id": "r", "uri": "/", **fields}


def test_an_empty_document_is_a_gateway_without_routes() -> None:
    assert resolved().routes == ()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"routes": {}}, "routes: must be a list (got an object)"),
        ({"rutes": []}, "rutes: is not a known key: did you mean 'routes'?"),
        ({"protos": []}, "protos: is not available in this version: leave it out"),
        ({"routes": ["x"]}, "routes[0]: must be an object"),
        ({"routes": [{"uri": "/"}]}, "routes[0].id: is required"),
        (
            {"routes": [{"id": 1, "uri": "/"}]},
            "routes[0].id: must be 1 to 64 letters, digits, . _ or -, not . or .. alone (got 1)",
        ),
        ({"routes": [{"id": "r"}]}, "routes[0].uri: is required (or uris)"),
        ({"routes": [route(uris=["/a"])]}, "routes[0].uri: stands beside uris: give one of them"),
        ({"routes": [route(uri="a")]}, "routes[0].uri: is no path: path 'a' does not begin with a slash"),
        (
            {"routes": [{"id": "r", "uris": ["/a", "/b*"]}]},
            "routes[0].uris[1]: may have * only as its whole last segment (got '/b*'), as in /files/*",
        ),
        ({"routes": [route(host="a", hosts=["b"])]}, "routes[0].host: stands beside hosts: give one of them"),
        (
            {"routes": [route(host="a:80")]},
            "routes[0].host: must be a host name such as example.com or *.example.com, without a port (got 'a:80')",
        ),
        ({"routes": [route(methods=["get"])]}, "routes[0].methods[0]: must be an HTTP method in capitals (got 'get')"),
        ({"routes": [route(vars=[["arg_x", "=", 1]])]}, "routes[0].vars[0]: has no operator '=': use one of"),
        ({"routes": [route(remote_addr="nowhere")]}, "routes[0].remote_addr: must be an IP address or CIDR block"),
        ({"routes": [route(status=2)]}, "routes[0].status: must be one of 0, 1 (got 2)"),
        ({"routes": [route(filter_func="f")]}, "routes[0].filter_func: is not available in this version"),
        ({"routes": [route(enable_websocket=1)]}, "routes[0].enable_websocket: must be true or false (got 1)"),
        ({"routes": [route(plugins={"nope": {}})]}, "routes[0].plugins.nope: unknown plugin 'nope'; enabled:"),
        (
            {"routes": [route(plugins={"witnes": {}})]},
            "routes[0].plugins.witnes: unknown plugin 'witnes'; did you mean",
        ),
        (
            {"routes": [route(plugins={"aws-lambda": {}})]},
            "routes[0].plugins.aws-lambda: plugin 'aws-lambda' is installed but not enabled: add it to plugins",
        ),
        ({"routes": [route(plugins={"witness": {"mrak": "x"}})]}, "routes[0].plugins.witness.mrak: is not a known key"),
        ({"routes": [route(plugins={"witness": []})]}, "routes[0].plugins.witness: must be an object"),
        (
            {"routes": [route(plugins={"witness": {"_meta": {"filter": [["arg_a", "=", 1]]}}})]},
            "routes[0].plugins.witness._meta.filter[0]: has no operator '='",
        ),
        (
            {"routes": [route(plugins={"witness": {"_meta": {"filter": ["arg", "==", 1]}}})]},
            "routes[0].plugins.witness._meta.filter: has no variable 'arg': did you mean 'args'?",
        ),
        (
            {"routes": [route(plugins={"witness": {"_meta": {"error_response": 1}}})]},
            "routes[0].plugins.witness._meta.error_response: must be",
        ),
        (
            {"consumers": [{"username": "j", "plugins": {"token": {"token": "x", "_meta": {"filter": [[]]}}}}]},
            "consumers[0].plugins.token._meta.filter: is not a known key",
        ),
        ({"routes": [route(service_id="s")]}, "routes[0].service_id: there is no service 's'; known: none"),
        ({"routes": [route(upstream_id="u")]}, "routes[0].upstream_id: there is no upstream 'u'; known: none"),
        ({"routes": [route(plugin_config_id="p")]}, "routes[0].plugin_config_id: there is no plugin config 'p'"),
        ({"routes": [route(upstream={})]}, "routes[0].upstream.nodes: is required"),
        ({"routes": [route(upstream={"nodes": {}})]}, "routes[0].upstream.nodes: must name at least one node"),
        (
            {"routes": [route(upstream={"nodes": {"a b": 1}})]},
            "routes[0].upstream.nodes.a b: must be a host with its port",
        ),
        (
            {"routes": [route(upstream={"nodes": {"a:1": -1}})]},
            "routes[0].upstream.nodes.a:1: must be a weight of 0 or more",
        ),
        ({"routes": [route(upstream={"nodes": [{"port": 1}]})]}, "routes[0].upstream.nodes[0].host: is required"),
        (
            {"routes": [route(upstream={**NODES, "type": "chash"})]},
            "routes[0].upstream.type: is not available in this version",
        ),
        (
            {"routes": [route(upstream={**NODES, "checks": {}})]},
            "routes[0].upstream.checks: is not available in this version",
        ),
        (
            {"routes": [route(upstream={**NODES, "pass_host": "rewrite"})]},
            "routes[0].upstream.upstream_host: is required with pass_host: rewrite",
        ),
        ({"routes": [route(), route()]}, "routes[1].id: 'r' is taken by routes[0]: choose another"),
        (
            {"consumers": [{"username": "a", "plugins": {"token": {}}}]},
            "consumers[0].plugins.token.token: is required",
        ),
        (
            {"consumers": [{"username": "a b"}]},
            "consumers[0].username: must be 1 to 100 letters, digits, _ or - (got 'a b')",
        ),
        (
            {"consumers": [{"username": "a", "group_id": "g"}]},
            "consumers[0].group_id: there is no consumer group 'g'; known: none",
        ),
    ],
)
def test_a_mistake_is_told_with_its_path(document: dict[str, Any], message: str) -> None:
    found = errors(**document)
    assert len(found) == 1
    assert found[0].startswith(message)


def test_every_mistake_of_a_document_is_told() -> None:
    found = errors(
        routes=[route(id="a", uri="x", service_id="none"), route(id="b", plugins={"nope": {}, "witness": {"x": 1}})],
        upstreams=[{"id": "u"}],
    )
    assert [line.split(":")[0] for line in found] == [
        "routes[0].service_id",
        "routes[0].uri",
        "routes[1].plugins.nope",
        "routes[1].plugins.witness.x",
        "upstreams[0].nodes",
    ]


def test_a_refused_resource_still_has_its_plugins_judged() -> None:
    found = errors(
        routes=[route(ur="/x", plugins={"witness": {"x": 1}})],
        consumers=[{"name": "jack", "plugins": {"token": {}, "witness": {"x": 1}}}],
    )
    assert [line.split(":")[0] for line in found] == [
        "consumers[0].name",
        "consumers[0].plugins.token.token",
        "consumers[0].plugins.witness.x",
        "consumers[0].username",
        "routes[0].plugins.witness.x",
        "routes[0].ur",
    ]


def test_findings_stand_in_the_order_of_the_document() -> None:
    found = errors(routes=[route(id=f"r{number}", uri="x") for number in range(12)])
    assert [line.split("]")[0] for line in found] == [f"routes[{number}" for number in range(12)]


def test_one_key_can_not_belong_to_two_consumers() -> None:
    people = [{"username": name, "plugins": {"token": {"token": "sesame"}}} for name in ("jack", "jill")]
    found = errors(consumers=people)
    assert found == ["consumers[1].plugins.token.token: is the key of consumer 'jack' too: give each its own"]
    assert "sesame" not in " ".join(found)


def test_one_key_may_serve_two_plugins() -> None:
    person = {"username": "jack", "plugins": {"token": {"token": "x"}, "badge": {"token": "x"}}}
    assert len(resolved(consumers=[person]).resolved.consumers.values["jack"].credentials) == 2


def test_a_plugin_stands_in_one_global_rule_only() -> None:
    found = errors(global_rules=[{"id": "a", "plugins": {"witness": {}}}, {"id": "b", "plugins": {"witness": {}}}])
    assert found == ["global_rules[1].plugins.witness: stands in global_rules/a already: remove one of them"]


def test_plugins_merge_route_over_config_over_service() -> None:
    result = resolved(
        services=[{"id": "s", "plugins": {"witness": {"mark": "service"}, "answers": {"text": "service"}}}],
        plugin_configs=[{"id": "p", "plugins": {"witness": {"mark": "config"}, "token": {}}}],
        routes=[route(service_id="s", plugin_config_id="p", plugins={"witness": {"mark": "route"}})],
    )
    entries = {entry.name: entry for entry in result.routes[0].plugins}
    assert entries["witness"].config["mark"] == "route"
    assert (entries["answers"].owner, entries["token"].owner) == ("services/s", "plugin_configs/p")


def test_a_route_takes_hosts_and_upstream_from_its_service_unless_it_has_its_own() -> None:
    services = [{"id": "s", "hosts": ["s.test"], "upstream": NODES}]
    own = {"host": "r.test", "upstream": {"nodes": [{"host": "::1", "port": 80, "weight": 2}]}}
    inherited, given = resolved(
        services=services, routes=[route(id="a", service_id="s"), route(id="b", service_id="s", **own)]
    ).routes
    assert inherited.hosts == ("s.test",)
    assert inherited.upstream is not None
    assert inherited.upstream.nodes[0].port == 1980
    assert given.hosts == ("r.test",)
    assert given.upstream is not None
    assert given.upstream.nodes[0].host == "::1"


def test_a_disabled_route_is_not_served() -> None:
    assert resolved(routes=[route(status=0)]).routes == ()


def test_meta_is_taken_apart() -> None:
    result = resolved(routes=[route(plugins={"witness": {"_meta": {"disable": True, "priority": 7}}})])
    entry = result.routes[0].plugins[0]
    assert (entry.disabled, entry.priority) == (True, 7)
    assert "_meta" not in entry.config


def test_a_consumers_entries_are_credentials_or_plugins() -> None:
    person = {"username": "jack", "plugins": {"token": {"token": "x"}, "witness": {"mark": "jack"}}}
    consumer = resolved(consumers=[person]).resolved.consumers.values["jack"]
    assert [credential.id for credential in consumer.credentials] == ["jack/token"]
    assert [entry.name for entry in consumer.plugins] == ["witness"]
    assert "'x'" not in repr(consumer)


def test_timeouts_have_defaults_of_their_own() -> None:
    result = resolved(routes=[route(timeout={"connect": 1.5}, upstream=NODES)])
    assert result.routes[0].timeouts is not None
    assert (result.routes[0].timeouts.connect, result.routes[0].timeouts.read) == (1.5, 60)


def test_a_route_that_is_off_is_judged_all_the_same() -> None:
    assert errors(routes=[route(status=0, service_id="gone")]) == [
        "routes[0].service_id: there is no service 'gone'; known: none"
    ]


def test_a_credential_that_is_off_lets_nobody_in() -> None:
    plugins = {"token": {"token": "x", "_meta": {"disable": True}}}
    assert (
        resolved(consumers=[{"username": "jack", "plugins": plugins}]).resolved.consumers.values["jack"].credentials
        == ()
    )


def test_a_plugins_own_check_is_part_of_the_judgement() -> None:
    found = errors(routes=[route(plugins={"judge": {"verdict": "error"}})])
    assert found == ["routes[0].plugins.judge.verdict: is one"]
    warned = resolved(routes=[route(plugins={"judge": {"verdict": "warning"}})]).warnings
    assert [str(finding) for finding in warned] == ["routes[0].plugins.judge.verdict: is one"]


def test_a_check_that_raises_is_told_as_the_plugins() -> None:
    found = errors(routes=[route(plugins={"judge": {"verdict": "raise"}})])
    assert found == ["routes[0].plugins.judge: plugin 'judge' can't check it: ValueError: no verdict"]


def test_no_message_shows_what_came_from_the_environment() -> None:
    planted = FromEnvironment("s3cret")
    found = errors(
        routes=[
            route(uri=planted),
            {**route(vars=[[planted, "==", 1]]), "id": "b"},
            {**route(vars=[["arg_x", "~~", FromEnvironment("(s3cret")]]), "id": "c"},
            {**route(service_id=planted), "id": "d"},
        ]
    )
    assert len(found) == 4
    assert not any("s3cret" in message for message in found)
