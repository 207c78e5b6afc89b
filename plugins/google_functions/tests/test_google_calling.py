"""What a function sees of the token and of the client's own credentials, and what a refusal leads to."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from phasegate.faas import provider
from phasegate.testing import FakeUpstream, Received, Reply
from phasegate.testing.fixtures import GatewayMaker
from phasegate_google_functions import GoogleCloudFunctions

Call = Callable[..., Awaitable[Received]]
REFUSED = {
    "www-authenticate": 'Bearer error="invalid_token" error_description="The access token could not be verified"'
}


@pytest.fixture
def document(upstream: FakeUpstream, account: dict[str, str]) -> Callable[..., dict[str, Any]]:
    def make(**config: Any) -> dict[str, Any]:
        plugin = {
            "function_uri": f"{upstream.url}/fn",
            "audience": "https://hello-abc-ew.a.run.app",
            "authorization": {"credentials": json.dumps(account)},
            "timeout": 20_000,
            **config,
        }
        return {"routes": [{"id": "r", "uri": "/x/*", "plugins": {"google-cloud-functions": plugin}}]}

    return make


@pytest.fixture
def call(
    start_gateway: GatewayMaker, upstream: FakeUpstream, google: FakeUpstream, document: Any, id_token: Any
) -> Call:
    google.reply(
        Reply(headers={"content-type": "application/json"}, body=json.dumps({"id_token": id_token()}).encode())
    )

    async def send(headers: dict[str, str] | None = None, **config: Any) -> Received:
        gateway = await start_gateway(document(**config), [GoogleCloudFunctions])
        async with httpx.AsyncClient() as client:
            await client.post(f"{gateway.url}/x/a%2Fb?q=1", content=b"body", headers=headers)
        return upstream.received[-1]

    return send


async def test_the_token_takes_the_place_of_the_clients_authorization_which_moves(call: Call, id_token: Any) -> None:
    received = await call({"authorization": "Bearer theirs", "x-forwarded-authorization": "forged"})
    assert (received.method, received.target, received.body) == ("POST", "/fn/a%2Fb?q=1", b"body")
    assert received.get("authorization") == f"Bearer {id_token()}"
    assert [value for name, value in received.headers if name == "x-forwarded-authorization"] == ["Bearer theirs"]


async def test_where_the_client_sends_none_none_moves(call: Call) -> None:
    received = await call({"x-forwarded-authorization": "forged"})
    assert received.get("x-forwarded-authorization") is None


async def test_the_token_may_stand_beside_the_clients(call: Call, id_token: Any) -> None:
    theirs = {"authorization": "Bearer theirs", "x-serverless-authorization": "Bearer forged"}
    received = await call(theirs, token_header="x-serverless-authorization")
    assert received.get("authorization") == "Bearer theirs"
    sent = [value for name, value in received.headers if name == "x-serverless-authorization"]
    assert sent == [f"Bearer {id_token()}"]
    assert received.get("x-forwarded-authorization") is None


async def test_no_token_of_the_client_stands_where_google_looks_first(call: Call, id_token: Any) -> None:
    received = await call({"x-serverless-authorization": "Bearer theirs"})
    assert received.get("authorization") == f"Bearer {id_token()}"
    assert received.get("x-serverless-authorization") is None
    wanted = await call({"x-serverless-authorization": "Bearer theirs"}, forward_client_credentials=True)
    assert wanted.get("x-serverless-authorization") == "Bearer theirs"


async def test_the_clients_own_goes_on_where_that_is_wanted(call: Call, id_token: Any) -> None:
    received = await call({"authorization": "Bearer theirs"}, forward_client_credentials=True)
    assert received.get("authorization") == "Bearer theirs"
    assert (await call(forward_client_credentials=True)).get("authorization") == f"Bearer {id_token()}"


async def test_with_nothing_configured_no_token_is_asked_for(
    start_gateway: GatewayMaker, upstream: FakeUpstream, google: FakeUpstream, document: Any
) -> None:
    config = document()
    del config["routes"][0]["plugins"]["google-cloud-functions"]["authorization"]
    gateway = await start_gateway(config, [GoogleCloudFunctions])
    await get(gateway.url, authorization="Bearer theirs")
    assert upstream.received[0].get("authorization") == "Bearer theirs"
    assert not google.received


async def get(url: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(f"{url}/x/", headers=headers)


async def test_routes_with_one_audience_share_a_token_and_others_have_their_own(
    start_gateway: GatewayMaker, upstream: FakeUpstream, google: FakeUpstream, document: Any, id_token: Any, reply: Any
) -> None:
    google.reply(*(reply({"id_token": id_token(number)}) for number in (1, 2)))
    first, second, other = document(), document(timeout=10_000), document(audience="https://other.run.app")
    routes = [
        {**made["routes"][0], "id": name, "uri": f"/{name}/*"}
        for name, made in (("first", first), ("second", second), ("other", other))
    ]
    gateway = await start_gateway({"routes": routes}, [GoogleCloudFunctions])
    async with httpx.AsyncClient() as client:
        for name in ("first", "second", "other", "first"):
            await client.get(f"{gateway.url}/{name}/")
    sent = [received.get("authorization") for received in upstream.received]
    assert sent[0] == sent[1] == sent[3] != sent[2]
    assert len(google.received) == 2


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens may be asked for again at once."""
    monkeypatch.setattr(provider, "_FIRST_RETRY_SECONDS", 0.0)


@pytest.mark.usefixtures("at_once")
async def test_a_refused_token_is_renewed_once_and_the_request_sent_again(
    start_gateway: GatewayMaker, upstream: FakeUpstream, google: FakeUpstream, document: Any, id_token: Any, reply: Any
) -> None:
    google.reply(*(reply({"id_token": id_token(number)}) for number in (1, 2)))
    upstream.reply(Reply(status=401, headers=REFUSED), Reply(body=b"second"))
    gateway = await start_gateway(document(), [GoogleCloudFunctions])
    assert (await get(gateway.url)).text == "second"
    sent = [received.get("authorization") for received in upstream.received]
    assert sent == [f"Bearer {id_token(1)}", f"Bearer {id_token(2)}"]


@pytest.mark.usefixtures("at_once")
async def test_a_token_that_is_refused_again_is_not_tried_for_ever(
    start_gateway: GatewayMaker, upstream: FakeUpstream, google: FakeUpstream, document: Any, id_token: Any, reply: Any
) -> None:
    google.reply(*(reply({"id_token": id_token(number)}) for number in (1, 2, 3)))
    upstream.reply(Reply(status=401, headers=REFUSED, body=b"refused"))
    gateway = await start_gateway(document(), [GoogleCloudFunctions])
    answer = await get(gateway.url)
    assert (answer.status_code, answer.text, len(upstream.received)) == (401, "refused", 2)


@pytest.mark.usefixtures("at_once")
async def test_the_same_token_is_not_sent_again(
    start_gateway: GatewayMaker, upstream: FakeUpstream, google: FakeUpstream, document: Any, id_token: Any, reply: Any
) -> None:
    google.reply(reply({"id_token": id_token()}))
    upstream.reply(Reply(status=401, headers=REFUSED))
    gateway = await start_gateway(document(), [GoogleCloudFunctions])
    assert (await get(gateway.url)).status_code == 401
    assert len(upstream.received) == 1


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("headers", [{}, {"www-authenticate": 'Basic realm="shop"'}])
async def test_a_functions_own_401_is_never_repeated(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    google: FakeUpstream,
    document: Any,
    id_token: Any,
    reply: Any,
    headers: dict[str, str],
) -> None:
    google.reply(*(reply({"id_token": id_token(number)}) for number in (1, 2)))
    upstream.reply(Reply(status=401, headers=headers))
    gateway = await start_gateway(document(), [GoogleCloudFunctions])
    assert (await get(gateway.url)).status_code == 401
    assert (len(upstream.received), len(google.received)) == (1, 1)


@pytest.mark.parametrize(
    ("status", "method", "answers"), [(429, "POST", 2), (503, "GET", 2), (503, "POST", 1), (500, "GET", 1)]
)
async def test_a_service_that_nobody_runs_is_called_once_more(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    google: FakeUpstream,
    document: Any,
    id_token: Any,
    reply: Any,
    status: int,
    method: str,
    answers: int,
) -> None:
    google.reply(reply({"id_token": id_token()}))
    upstream.reply(Reply(status=status, body=b"first"), Reply(body=b"second"))
    gateway = await start_gateway(document(), [GoogleCloudFunctions])
    async with httpx.AsyncClient() as client:
        answer = await client.request(method, f"{gateway.url}/x/")
    assert len(upstream.received) == answers
    assert (answer.status_code, answer.text) == ((200, "second") if answers == 2 else (status, "first"))


@pytest.mark.parametrize("reply_headers", [{}, {"retry-after": "3600"}])
async def test_what_was_answered_last_goes_through(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    google: FakeUpstream,
    document: Any,
    id_token: Any,
    reply: Any,
    reply_headers: dict[str, str],
) -> None:
    google.reply(reply({"id_token": id_token()}))
    upstream.reply(Reply(status=429, headers=reply_headers, pieces=[b"Rate ", b"exceeded."]))
    gateway = await start_gateway(document(), [GoogleCloudFunctions])
    answer = await get(gateway.url)
    assert (answer.status_code, answer.text) == (429, "Rate exceeded.")
    assert answer.headers.get("retry-after") == reply_headers.get("retry-after")
    assert len(upstream.received) == (1 if reply_headers else 2)


async def test_without_a_token_nothing_is_sent_and_the_log_says_why(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    google: FakeUpstream,
    document: Any,
    reply: Any,
    account: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    google.reply(reply({"error": "invalid_grant", "error_description": "account not found"}, status=400))
    answer = await get((await start_gateway(document(), [GoogleCloudFunctions])).url)
    assert (answer.status_code, answer.json()["code"]) == (503, "credentials_unavailable")
    assert answer.headers["retry-after"]
    assert not upstream.received
    reasons = [vars(record)["reason"] for record in caplog.records if record.msg == "credentials unavailable"]
    assert "account not found" in reasons[0]
    assert account["private_key"] not in caplog.text
