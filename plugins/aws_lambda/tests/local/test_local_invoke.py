"""The Lambda API's Invoke over real sockets; botocore signs, and names what to expect."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from phasegate_aws_lambda.local.keys import Credentials, Keys

pytestmark = pytest.mark.long

KEYS = Keys(None, Credentials("AKIDEXAMPLE", "the-secret-key", "the-session-token"))
ECHO = "def handler(event, context):\n    return event\n"
PATH = "/2015-03-31/functions/app/invocations"

Serving = Callable[..., Awaitable[tuple[int, int, int]]]
Send = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def invoke(all_serving: Serving, send: Send) -> Callable[..., Awaitable[httpx.Response]]:
    async def invoke(
        source: str = ECHO, event: bytes = b"{}", path: str = PATH, keys: Keys | None = None, **headers: str
    ) -> httpx.Response:
        port = (await all_serving(source, keys))[2]
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return await send(port, path, "POST", named, event)

    return invoke


def error_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.headers["x-amzn-ErrorType"]


@pytest.mark.parametrize("event", [{"a": [1, None]}, [1], "x", 1.5, None, True])
async def test_any_event_reaches_the_handler_and_any_answer_comes_back(invoke: Any, event: Any) -> None:
    response = await invoke(event=json.dumps(event).encode())
    assert (response.status_code, response.json()) == (200, event)
    assert response.headers["X-Amz-Executed-Version"] == "$LATEST"
    assert len(response.headers["x-amzn-RequestId"]) == 36


async def test_an_exception_is_a_function_error_with_its_document(invoke: Any) -> None:
    response = await invoke("def handler(event, context):\n    raise ValueError('no')\n")
    assert (response.status_code, response.headers["X-Amz-Function-Error"]) == (200, "Unhandled")
    assert (response.json()["errorType"], response.json()["errorMessage"]) == ("ValueError", "no")


async def test_the_tail_of_the_log_comes_along_where_it_is_asked_for(invoke: Any) -> None:
    response = await invoke(x_amz_log_type="Tail")
    tail = base64.b64decode(response.headers["X-Amz-Log-Result"]).decode()
    assert tail.startswith("START RequestId: ")
    assert "Billed Duration: " in tail
    assert "X-Amz-Log-Result" not in (await invoke()).headers


@pytest.mark.parametrize(
    "name",
    [
        "app",
        "app:$LATEST",
        "123456789012:app",
        "123456789012:function:app",
        "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Aapp",
    ],
)
async def test_the_function_has_every_name_that_aws_gives_it(invoke: Any, name: str) -> None:
    assert (await invoke(path=f"/2015-03-31/functions/{name}/invocations")).status_code == 200


@pytest.mark.parametrize(
    ("path", "error_type"),
    [
        ("/2015-03-31/functions/other/invocations", "ResourceNotFoundException"),
        (f"{PATH}?Qualifier=live", "ResourceNotFoundException"),
        ("/2015-03-31/functions/app", "UnknownOperationException"),
    ],
)
async def test_what_is_not_there(invoke: Any, path: str, error_type: str) -> None:
    response = await invoke(path=path)
    assert error_of(response) == (404, error_type)


async def test_an_event_that_is_no_json_is_refused(invoke: Any) -> None:
    assert error_of(await invoke(event=b"{")) == (400, "InvalidRequestContentException")
    assert error_of(await invoke(x_amz_client_context="e30=x")) == (400, "InvalidRequestContentException")


async def test_an_unknown_type_is_refused(invoke: Any) -> None:
    assert error_of(await invoke(x_amz_invocation_type="Later")) == (400, "InvalidParameterValueException")


async def test_an_event_has_a_smaller_limit_than_a_call(invoke: Any) -> None:
    large = b'"%s"' % (b"x" * 1_048_576)
    assert (await invoke("def handler(event, context):\n    return 1\n", large)).status_code == 200
    assert error_of(await invoke(event=large, x_amz_invocation_type="Event")) == (413, "RequestTooLargeException")


async def test_a_dry_run_runs_nothing(invoke: Any) -> None:
    response = await invoke("def handler(event, context):\n    raise SystemExit\n", x_amz_invocation_type="DryRun")
    assert (response.status_code, response.content) == (204, b"")


async def test_the_client_context_is_the_contexts(invoke: Any) -> None:
    context = base64.b64encode(b'{"custom": {"a": 1}, "client": {"b": 2}}').decode()
    source = "def handler(event, context):\n    return [context.client_context.custom, context.client_context.client]\n"
    assert (await invoke(source, x_amz_client_context=context)).json() == [{"a": 1}, {"b": 2}]


async def test_a_busy_function_throttles(all_serving: Serving, send: Send, tmp_path: Path) -> None:
    started = tmp_path / "started"
    source = f"import threading\ndef handler(event, context):\n    open({str(started)!r}, 'w').close()\n    threading.Event().wait()\n"
    port = (await all_serving(source, concurrency=1))[2]
    first = asyncio.ensure_future(send(port, PATH, "POST", (), b"1"))
    while not started.exists():
        await asyncio.sleep(0.01)
    response = await send(port, PATH, "POST", (), b"2")
    assert error_of(response) == (429, "TooManyRequestsException")
    assert response.json()["Reason"] == "ConcurrentInvocationLimitExceeded"
    assert (await first).json()["errorType"] == "Sandbox.Timedout"


@pytest.mark.parametrize("secret", ["the-secret-key", "another"])
async def test_signatures_are_checked(all_serving: Serving, send: Send, secret: str) -> None:
    port = (await all_serving(ECHO, KEYS))[2]
    target = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Aapp/invocations"
    request = AWSRequest(method="POST", url=f"http://127.0.0.1:{port}{target}", data=b'{"a": 1}')
    SigV4Auth(BotoCredentials("AKIDEXAMPLE", secret, "the-session-token"), "lambda", "us-east-1").add_auth(request)
    headers: Sequence[tuple[str, str]] = list(request.headers.items())
    response = await send(port, target, "POST", headers, b'{"a": 1}')
    if secret == "the-secret-key":
        assert (response.status_code, response.json()) == (200, {"a": 1})
    else:
        assert error_of(response) == (403, "InvalidSignatureException")
    assert error_of(await send(port, PATH, "POST", (), b"{}"))[0] == 403
