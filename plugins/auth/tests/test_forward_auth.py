from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from phasegate import ConfigError
from phasegate.testing import FakeUpstream, Reply, fake_upstream, make_plugin
from phasegate.testing.fixtures import GatewayMaker
from phasegate_auth import ForwardAuth


@pytest.fixture
async def service() -> AsyncIterator[FakeUpstream]:
    """The service that is asked."""
    async with fake_upstream() as server:
        yield server


class Case:
    """A gateway whose requests a service is asked about."""

    def __init__(self, start: GatewayMaker, upstream: FakeUpstream, service: FakeUpstream) -> None:
        self._start = start
        self.upstream, self.service = upstream, service

    async def asked(
        self, reply: Reply | None, *, path: str = "/a", config: Any = None, **request: Any
    ) -> httpx.Response:
        if reply is not None:
            self.service.reply(reply)
        plugin = {"uri": f"http://{self.service.address}/judge?x=1", **(config or {})}
        route = {
            "id": "r",
            "uri": "/*",
            "plugins": {"forward-auth": plugin},
            "upstream": {"nodes": {self.upstream.address: 1}},
        }
        gateway = await self._start({"routes": [route]}, [ForwardAuth])
        async with httpx.AsyncClient() as client:
            return await client.request(request.pop("method", "GET"), gateway.url + path, **request)


@pytest.fixture
def case(start_gateway: GatewayMaker, upstream: FakeUpstream, service: FakeUpstream) -> Case:
    return Case(start_gateway, upstream, service)


async def test_an_answer_of_2xx_lets_a_request_through(case: Case) -> None:
    config = {
        "upstream_headers": ["X-User"],
        "request_headers": ["authorization", "cookie"],
        "extra_headers": {"X-Key": "k"},
    }
    headers = {"authorization": "Bearer t", "x-user": "root", "x-other": "o", "x-forwarded-uri": "/public"}
    reply = Reply(status=204, headers={"x-user": "jack", "x-unasked": "u"})
    answer = await case.asked(reply, path="/a/../b?c=%20", config=config, headers=headers)
    assert answer.status_code == 200
    (question,) = case.service.received
    assert (question.method, question.target) == ("GET", "/judge?x=1")
    told = dict(question.headers)
    assert (told["x-forwarded-method"], told["x-forwarded-uri"], told["x-forwarded-for"]) == (
        "GET",
        "/b?c=%20",
        "127.0.0.1",
    )
    assert (told["authorization"], told["x-key"], "x-other" in told) == ("Bearer t", "k", False)
    (received,) = case.upstream.received
    assert [value for name, value in received.headers if name == "x-user"] == ["jack"]
    assert received.get("x-unasked") is None


@pytest.mark.parametrize("path", ["/public/../admin", "/public/%2e%2e/admin", "/%61dmin", "//x/../../admin"])
async def test_no_spelling_is_judged_as_one_path_and_answered_as_another(case: Case, path: str) -> None:
    route = path
    await case.asked(Reply(status=200), path=route)
    (question,), (received,) = case.service.received, case.upstream.received
    assert question.get("x-forwarded-uri") == received.target


@pytest.mark.parametrize("name", ["x-user", "X_User", "X-USER"])
async def test_a_header_that_the_service_does_not_give_is_not_the_clients_either(case: Case, name: str) -> None:
    await case.asked(Reply(status=200), config={"upstream_headers": ["x-user"]}, headers={name: "root"})
    assert "root" not in [value for _, value in case.upstream.received[0].headers]


async def test_any_other_answer_is_the_clients(case: Case) -> None:
    reply = Reply(status=302, headers={"location": "/login", "set-cookie": "a=b", "x-secret": "s"}, body=b"go")
    answer = await case.asked(reply, config={"client_headers": ["Location"]})
    assert (answer.status_code, answer.text, answer.headers["location"]) == (302, "go", "/login")
    assert not {"set-cookie", "x-secret"} & set(answer.headers)
    assert case.upstream.received == []


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [({}, 'forward-auth realm="forward-auth"'), ({"www-authenticate": 'Bearer realm="x"'}, 'Bearer realm="x"')],
)
async def test_a_401_has_a_challenge(case: Case, headers: dict[str, str], challenge: str) -> None:
    answer = await case.asked(Reply(status=401, headers=headers))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, challenge)


async def test_the_body_is_shown_where_that_is_wanted_and_goes_on(case: Case) -> None:
    config = {"request_method": "POST"}
    await case.asked(Reply(status=200), config=config, method="PUT", content=b"body", headers={"content-type": "t/t"})
    (question,), (received,) = case.service.received, case.upstream.received
    assert (question.method, question.body, question.get("content-type")) == ("POST", b"body", "t/t")
    assert (received.method, received.body) == ("PUT", b"body")


async def test_a_body_over_the_limit_is_shown_to_nobody(case: Case) -> None:
    config = {"request_method": "POST", "max_req_body": 3}
    assert (await case.asked(Reply(), config=config, method="POST", content=b"body")).status_code == 413
    assert case.service.received == []


@pytest.mark.parametrize(
    "reply", [Reply(raw=b"no http at all"), Reply(hang=True), Reply(body=b"x" * (2 << 20)), Reply(raw=b"")]
)
@pytest.mark.parametrize(
    ("config", "status"),
    [({}, 403), ({"status_on_error": 503}, 503), ({"allow_degradation": True}, 200), ({"status_on_error": 401}, 401)],
)
async def test_a_service_that_fails(case: Case, reply: Reply, config: dict[str, Any], status: int) -> None:
    answer = await case.asked(reply, config={"timeout": 500, **config})
    assert answer.status_code == status
    assert (answer.headers.get("www-authenticate") is not None) is (status == 401)


async def test_where_it_is_not_asked_no_header_of_the_client_stands_for_its_own(case: Case) -> None:
    config = {"allow_degradation": True, "upstream_headers": ["x-user"], "timeout": 200}
    answer = await case.asked(Reply(hang=True), config=config, headers={"x-user": "root"})
    assert answer.status_code == 200
    assert case.upstream.received[0].get("x-user") is None


@pytest.mark.parametrize(("config", "asked"), [({}, 0), ({"run_on_preflight": True}, 1)])
async def test_preflights_are_asked_about_where_that_is_wanted(case: Case, config: dict[str, Any], asked: int) -> None:
    headers = {"origin": "https://a.example", "access-control-request-method": "PUT", "x-user": "root"}
    config = {"upstream_headers": ["x-user"], **config}
    answer = await case.asked(Reply(status=204), config=config, method="OPTIONS", headers=headers)
    assert (answer.status_code, len(case.service.received)) == (200, asked)
    assert case.upstream.received[0].get("x-user") is None


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"uri": "/judge"},
        {"uri": "http://a", "request_method": "PUT"},
        {"uri": "http://a", "upstream_headers": ["X-Consumer-Username"]},
        {"uri": "http://a", "upstream_headers": ["X_Consumer_Username"]},
        {"uri": "http://a", "extra_headers": {"Transfer_Encoding": "chunked"}},
        {"uri": "http://a", "upstream_headers": ["Content-Length"]},
        {"uri": "http://a", "request_headers": ["Host"]},
        {"uri": "http://a", "extra_headers": {"Host": "x"}},
        {"uri": "http://a", "extra_headers": {"x": "a\r\nb"}},
        {"uri": "http://a", "status_on_error": 200},
        {"uri": "http://a", "timeout": 0},
    ],
)
def test_what_can_not_be_configured(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        make_plugin(ForwardAuth, config)


def test_what_weakens_the_question_is_warned_of() -> None:
    plugin = make_plugin(ForwardAuth, {"uri": "https://a/x?key=s", "ssl_verify": False, "allow_degradation": True})
    assert [finding.path for finding in plugin.check()] == ["ssl_verify", "allow_degradation"]
    assert plugin.destination() == "https://a/x"


def test_the_doctor_is_told_where_the_service_is() -> None:
    plugin = make_plugin(ForwardAuth, {"uri": "https://judge.test:8443/a?b=c", "ssl_verify": False})
    (origin,) = plugin.connects_to()
    assert (origin.scheme, origin.address, origin.connection.tls.verify) == ("https", "judge.test:8443", False)
