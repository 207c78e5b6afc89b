"""Bad input: the status, the words that clients look for, the path, and nothing changed."""

from typing import Any

import pytest

from tests.desk import ADMIN_KEY, Node

NODES = {"127.0.0.1:1": 1}
ROUTE: dict[str, Any] = {"uri": "/hello", "upstream": {"nodes": NODES}}


def with_plugin(name: str, config: object) -> dict[str, Any]:
    return {**ROUTE, "plugins": {name: config}}


async def refused(node: Node, method: str, path: str, body: object) -> str:
    """Send what must be refused; return the reason."""
    response = await node.admin.request(method, path, json=body)
    assert response.status_code == 400, response.text
    assert node.desk.view.revision == 0
    reason: str = response.json()["error_msg"]
    return reason


@pytest.mark.parametrize(
    ("method", "path", "body", "reason"),
    [
        ("PUT", "/routes", ROUTE, "missing route id"),
        ("PUT", "/routes/1", {**ROUTE, "id": "2"}, "wrong route id"),
        ("POST", "/routes/1", ROUTE, "wrong route id, do not need it"),
        ("POST", "/routes", {**ROUTE, "id": 3}, "wrong route id, do not need it"),
        ("PATCH", "/routes", {"name": "x"}, "missing route id"),
        ("DELETE", "/upstreams", None, "missing upstream id"),
        ("DELETE", "/plugin_configs", None, "missing plugin config id"),
        ("PUT", "/consumers/jack", {"username": "jill"}, "wrong username"),
        ("PUT", "/routes/a%2Fb", ROUTE, "wrong route id: must be a name without a slash"),
        ("PUT", "/secrets/vault", {}, "wrong secret id: must be two names with a slash between them"),
        ("PUT", "/routes/1", {**ROUTE, "create_time": 1}, "the property is forbidden: create_time"),
        ("PATCH", "/routes/1", {"update_time": 1}, "the property is forbidden: update_time"),
        ("PUT", "/routes/1", [], "invalid configuration: the body must be an object"),
        ("PUT", "/routes/1?ttl=soon", ROUTE, "invalid argument ttl: should be a number"),
        ("PUT", "/routes/1?ttl=60", ROUTE, "argument ttl is not supported in this version"),
        ("PUT", "/routes/1?dry_run=maybe", ROUTE, "invalid argument dry_run: should be 1, 0, true or false"),
        ("PUT", "/routes/1?wait=some", ROUTE, "invalid argument wait: should be all"),
    ],
)
async def test_ids_and_arguments(node: Node, method: str, path: str, body: object, reason: str) -> None:
    assert await refused(node, method, path, body) == reason


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({**ROUTE, "priority": "high"}, "property \"priority\" validation failed: must be an integer (got 'high')"),
        ({**ROUTE, "urii": "/x"}, "property \"urii\" validation failed: is not a known key: did you mean 'uri'?"),
        ({"upstream": {"nodes": NODES}}, 'property "uri" validation failed: property "uri" is required (or uris)'),
        (
            {"uri": "/x", "upstream": {"nodes": {"127.0.0.1:x": 1}}},
            'property "upstream.nodes.127.0.0.1:x" validation failed: must be a host with its port',
        ),
        (
            {**ROUTE, "timeout": {"read": 0}},
            'property "timeout.read" validation failed: must be at least 0.001 (got 0)',
        ),
        ({**ROUTE, "script": "x"}, 'property "script" validation failed: is not supported in this version'),
    ],
)
async def test_schema_findings_name_the_property(node: Node, body: object, reason: str) -> None:
    assert (await refused(node, "PUT", "/routes/1", body)).startswith(f"invalid configuration: {reason}")


async def test_a_bad_id_names_itself(node: Node) -> None:
    reason = await refused(node, "PUT", "/routes/a%20b", ROUTE)
    assert reason.startswith('invalid configuration: property "id" validation failed: must be 1 to 64 letters')


@pytest.mark.parametrize("id_", [".", ".."])
@pytest.mark.parametrize(("kind", "body"), [("routes", ROUTE), ("upstreams", ROUTE["upstream"]), ("services", {})])
async def test_an_id_that_no_path_could_name(node: Node, kind: str, body: dict[str, Any], id_: str) -> None:
    response = await node.admin.put(f"/{kind}", json={**body, "id": id_})
    assert (response.status_code, "not . or .. alone" in response.json()["error_msg"]) == (400, True)
    assert node.desk.view.revision == 0


@pytest.mark.parametrize("pair", [("host", "hosts"), ("remote_addr", "remote_addrs")])
async def test_one_and_many_exclude_each_other(node: Node, pair: tuple[str, str]) -> None:
    one, many = pair
    text = "a.example" if one == "host" else "10.0.0.1"
    reason = await refused(node, "PUT", "/routes/1", {**ROUTE, one: text, many: [text]})
    assert reason == f"only one of {one} or {many} is allowed"


async def test_a_plugin_s_configuration_names_plugin_and_property(node: Node) -> None:
    body = with_plugin("aws-lambda", {"function_uri": "https://l.example", "timeout": 5})
    assert await refused(node, "PUT", "/routes/1", body) == (
        "failed to check the configuration of plugin aws-lambda err: "
        'property "timeout" validation failed: must be at least 100 (got 5)'
    )


async def test_unknown_plugins_are_named_with_a_remedy(node: Node) -> None:
    reason = await refused(node, "PUT", "/routes/1", with_plugin("aws-lamda", {}))
    assert reason == "unknown plugin [aws-lamda]: did you mean 'aws-lambda'?"


async def test_every_mistake_is_told_at_once(node: Node) -> None:
    reason = await refused(node, "PUT", "/routes/1", {"urii": 1, "priority": "x", "plugins": {"nix": {}}})
    assert all(text in reason for text in ('"urii"', '"priority"', "unknown plugin [nix]"))


async def test_the_same_key_of_two_consumers(node: Node) -> None:
    for name, status in (("jack", 201), ("jill", 400)):
        body = {"username": name, "plugins": {"key-auth": {"key": "the-very-same-key"}}}
        response = await node.admin.put("/consumers", json=body)
        assert response.status_code == status
    assert response.json()["error_msg"].startswith("duplicate key found with consumer: jack; plugins.key-auth.key")
    assert "the-very-same-key" not in response.text


async def test_a_plugin_in_a_second_global_rule(node: Node) -> None:
    await node.admin.put("/global_rules/1", json={"plugins": {"key-auth": {}}})
    response = await node.admin.put("/global_rules/2", json={"plugins": {"key-auth": {}}})
    assert response.status_code == 400
    assert response.json()["error_msg"].startswith("plugin [key-auth] stands in global_rules/1 already")


BODIES = [
    (b"{", "Expecting property name"),
    (b'{"uri": "/a",}', "at line 1 column 1"),
    (b'{"a": NaN}', "NaN is no JSON number"),
    (b'{"a": 1e999}', "1e999 is too large for a number"),
    (b'{"a": 123456789012345678901}', "is too large for an integer"),
    (b'{"uri": "/a", "uri": "/b"}', "key 'uri' is repeated"),
    (b'{"a": "\\ud800"}', "it holds text that is no Unicode"),
    (b'{"a": "\xff"}', "it is no UTF-8 at byte 7"),
    (b'{"a": ' + b"[" * 60 + b"]" * 60 + b"}", "it is nested more than 50 deep"),
    (b"[" * 1_000_000, "it is nested more than 50 deep"),
]


@pytest.mark.parametrize(("body", "reason"), BODIES, ids=[reason for _, reason in BODIES])
async def test_a_body_that_is_no_json_is_refused_with_the_reason(node: Node, body: bytes, reason: str) -> None:
    response = await node.admin.put("/routes/1", content=body)
    assert response.status_code == 400
    assert response.json()["error_msg"].startswith("invalid request body: ")
    assert reason in response.json()["error_msg"]


async def test_a_body_over_the_limit_is_refused_with_the_limit(node: Node) -> None:
    response = await node.admin.put("/routes/1", content=b'{"desc": "' + b"x" * 1_600_000 + b'"}')
    assert response.status_code == 400
    assert response.json()["error_msg"] == (
        "invalid request body: request size is greater than the maximum size 1572864 allowed"
    )


@pytest.mark.parametrize(
    ("method", "reason"), [("PUT", "missing configurations"), ("PATCH", "missing new configuration")]
)
async def test_no_body_at_all(node: Node, method: str, reason: str) -> None:
    response = await node.admin.request(method, "/routes/1")
    assert (response.status_code, response.json()) == (400, {"error_msg": reason})


@pytest.mark.parametrize("path", ["/consumers", "/consumers/jack/credentials", "/consumers/jack/credentials/one"])
async def test_post_is_no_method_of_what_names_itself(node: Node, path: str) -> None:
    response = await node.admin.post(path, json={})
    assert response.status_code == 405
    assert "POST" not in response.headers["allow"]
    assert response.json()["error_msg"].startswith("not supported `POST` method for c")


async def test_a_credential_of_nobody(node: Node) -> None:
    for method in ("GET", "PUT"):
        path = "/consumers/nobody/credentials" + ("/one" if method == "PUT" else "")
        response = await node.admin.request(method, path, json={"plugins": {"key-auth": {"key": "k"}}})
        assert (response.status_code, response.json()) == (404, {"error_msg": "consumer not found"})


async def test_what_the_listener_refuses_is_json_too(node: Node) -> None:
    response = await node.admin.get(f"/routes?x={'y' * 9000}")
    assert response.status_code == 414
    assert "error_msg" in response.json()


async def test_the_key_stands_in_no_refusal(node: Node) -> None:
    response = await node.admin.put("/routes/1", json={"uri": ADMIN_KEY})
    assert ADMIN_KEY not in str(response.headers)


@pytest.mark.parametrize("depth", [51, 1500])
async def test_a_patch_of_a_place_too_deep(node: Node, depth: int) -> None:
    await node.admin.put("/routes/1", json={"uri": "/x", "upstream": {"nodes": {"127.0.0.1:1": 1}}})
    response = await node.admin.patch(f"/routes/1{'/a' * depth}", json=1)
    assert response.status_code == 400
    assert "more than 50 deep" in response.json()["error_msg"]
