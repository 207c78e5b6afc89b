"""`phasegate lambda invoke` as a user runs it: what it sends, what it prints where, and how it ends."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from click.testing import CliRunner

from phasegate import ConfigError
from phasegate.commands import CommandError
from phasegate.testing import FakeUpstream, Reply
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.command import lambda_group
from phasegate_aws_lambda.plugin import AwsLambda

from .cloud import REGION, Cloud
from .frames import AWS_ID, FIELDS, HEAD, chunk, complete

REPORT = (
    "START RequestId: x\nhello\nREPORT RequestId: x\tDuration: 12.34 ms\tBilled Duration: 113 ms\t"
    "Memory Size: 128 MB\tMax Memory Used: 39 MB\tInit Duration: 100.12 ms\t\n"
)
TAIL = base64.b64encode(REPORT.encode()).decode()
TOLD = {"x-amzn-requestid": AWS_ID, "x-amz-executed-version": "7", "x-amz-log-result": TAIL}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No keys of the machine that runs the tests."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


async def run(*arguments: str, stdin: str = "", **environment: str) -> tuple[int, str, str]:
    """Run the command in a thread, with an event loop of its own, and tell of errors as `phasegate` does."""
    runner = CliRunner(env=environment)
    result = await asyncio.to_thread(runner.invoke, lambda_group, ["invoke", *arguments], input=stdin)
    if isinstance(result.exception, (CommandError, ConfigError)):
        return 1, result.stdout, f"error: {result.exception}"
    return result.exit_code, result.stdout, result.stderr


def local(upstream: FakeUpstream, *arguments: str) -> tuple[str, ...]:
    return ("app", "--endpoint", upstream.url, "--unsigned", *arguments)


def conf(tmp_path: Path, **plugin: Any) -> str:
    (tmp_path / "gateway.yaml").write_text(
        "listen: [{address: '127.0.0.1:0'}]\nplugins: [aws-lambda]\nresources: {file: routes.yaml, store: none}\n"
    )
    route = {"id": "r", "uri": "/x/*", "hosts": ["shop.test"], "plugins": {"aws-lambda": plugin}}
    (tmp_path / "routes.yaml").write_text(yaml.safe_dump({"routes": [route]}))
    return str(tmp_path)


async def test_the_body_goes_to_one_place_and_what_it_cost_to_the_other(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(headers=TOLD, body=b'{"statusCode": 201, "headers": {"x-a": "1"}, "body": "hi"}'))
    code, output, errors = await run(
        *local(upstream, "--path", "/a?b=c", "--region", "eu-west-1", "--qualifier", "live")
    )
    assert (code, output) == (0, "hi")
    lines = errors.splitlines()
    assert lines[0] == "function  lambda app in eu-west-1"
    assert lines[1].startswith("request   GET /a as an event of format 2.0, ")
    assert lines[2].startswith("answer    201 after ")
    assert lines[3:5] == [
        f"run       version 7, request {AWS_ID}",
        "cost      ran 12.34 ms, billed 113 ms, cold start of 100.12 ms, used 39 of 128 MB",
    ]
    assert "  x-a: 1" in lines
    assert lines[-4:-1] == ["log", "  START RequestId: x", "  hello"]
    sent = upstream.received[0]
    assert sent.target == "/2015-03-31/functions/app/invocations?Qualifier=live"
    assert json.loads(sent.body)["rawQueryString"] == "b=c"


async def test_a_failed_function_ends_with_three_and_shows_why(upstream: FakeUpstream) -> None:
    document = b'{"errorType": "ValueError", "errorMessage": "no such order"}'
    upstream.reply(Reply(headers={**TOLD, "x-amz-function-error": "Unhandled"}, body=document))
    code, output, errors = await run(*local(upstream))
    assert (code, output) == (3, "")
    assert "error     function_error: app: ValueError: no such order\n" in errors
    assert f"failure\n  {document.decode()}\nlog\n" in errors


async def test_what_is_no_answer_is_the_functions_fault_and_shown(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(body=b'{"statusCode": "abc"}'))
    code, _, errors = await run(*local(upstream))
    assert code == 3
    assert 'failure\n  {"statusCode": "abc"}\n' in errors


async def test_an_answer_of_500_ends_with_three_too(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(body=b'{"statusCode": 500, "body": "oops"}'))
    code, output, _ = await run(*local(upstream))
    assert (code, output) == (3, "oops")


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(status=404, headers={"x-amzn-errortype": "ResourceNotFoundException"}), "function_not_found"),
        (Reply(status=403, headers={"x-amzn-errortype": "AccessDeniedException"}), "aws_auth_failed"),
        (Reply(raw=b"", close=True), "upstream_unreachable"),
    ],
)
async def test_what_can_not_be_called_ends_with_one(upstream: FakeUpstream, reply: Reply, code: str) -> None:
    upstream.reply(reply)
    found, output, errors = await run(*local(upstream))
    assert (found, output) == (1, "")
    assert f"\nerror     {code}: " in errors


async def test_without_keys_nothing_is_called() -> None:
    code, _, errors = await run("app")
    assert code == 1
    assert "error     credentials_unavailable: no credentials from the default chain" in errors
    assert "credentials unavailable" not in errors


async def test_programs_read_json(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(headers=TOLD, body=b'{"statusCode": 200, "body": "/w==", "isBase64Encoded": true}'))
    code, output, errors = await run(*local(upstream, "--json"))
    document = json.loads(output)
    assert (code, errors) == (0, "")
    assert (document["status"], document["body"], document["is_base64"]) == (200, "/w==", True)
    assert (document["function"]["billed_ms"], document["function"]["cold_start"]) == (113, True)
    assert (document["error"], document["log"][1]) == (None, "hello")


async def test_a_given_event_is_sent_as_it_is(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.reply(Reply(body=b"{}"))
    (tmp_path / "event").write_text('{"any": "thing" }')
    await run(*local(upstream, "--event", str(tmp_path / "event")))
    await run(*local(upstream, "--event", "-"), stdin="[1]")
    assert [received.body for received in upstream.received] == [b'{"any": "thing" }', b"[1]"]


async def test_the_options_say_how_it_is_called(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(status=202))
    code, *_ = await run(*local(upstream, "--type", "Event", "--format", "1.0", "-d", "text", "-H", "X-A: 1"))
    sent = upstream.received[0]
    event = json.loads(sent.body)
    assert (code, sent.get("x-amz-invocation-type")) == (0, "Event")
    assert (event["httpMethod"], event["body"], event["headers"]["x-a"]) == ("POST", "text", "1")


async def test_a_stream_is_written_and_told_at_its_end(upstream: FakeUpstream) -> None:
    headers = {**FIELDS, "x-amz-executed-version": "7"}
    upstream.reply(Reply(headers=headers, pieces=[chunk(HEAD + b"one "), chunk(b"two"), complete(LogResult=TAIL)]))
    code, output, errors = await run(*local(upstream, "--stream"))
    assert (code, output) == (0, "one two")
    assert "billed 113 ms" in errors
    assert "  hello" in errors.splitlines()


async def test_a_stream_that_breaks_off_ends_with_three(upstream: FakeUpstream) -> None:
    end = complete(ErrorCode="Unhandled", ErrorDetails="halfway", LogResult=TAIL)
    upstream.reply(Reply(headers=FIELDS, pieces=[chunk(HEAD + b"one "), end]))
    code, output, errors = await run(*local(upstream, "--stream"))
    assert (code, output) == (3, "one ")
    assert "answer    201, then cut off, after " in errors
    assert "failure\n  halfway\n" in errors


async def test_the_event_of_a_route_is_the_one_that_the_gateway_makes(
    upstream: FakeUpstream, tmp_path: Path, start_gateway: GatewayMaker
) -> None:
    upstream.reply(Reply(body=b"{}"))
    plugin = {"function": "app", "endpoint": upstream.url, "payload_format": "1.0"}
    arguments = ("--route", "r", "--conf", conf(tmp_path, **plugin), "--path", "/x/a%20b?c=d", "-d", "{}")
    code, shown, _ = await run(*arguments, "-H", "Content-Type: application/json", "--show-event")
    assert (code, upstream.received) == (0, [])
    gateway = await start_gateway(yaml.safe_load((tmp_path / "routes.yaml").read_text()), [AwsLambda])
    async with httpx.AsyncClient(headers={"host": "shop.test", "content-type": "application/json"}) as client:
        for name in ("accept", "accept-encoding", "connection", "user-agent"):
            del client.headers[name]
        await client.post(f"{gateway.url}/x/a%20b?c=d", content=b"{}")
    made, served = json.loads(shown), json.loads(upstream.received[0].body)
    for event in (made, served):
        for headers in (event["headers"], event["multiValueHeaders"]):
            del headers["x-request-id"], headers["x-forwarded-port"]
        for name in ("requestId", "extendedRequestId", "requestTime", "requestTimeEpoch"):
            event["requestContext"].pop(name, None)
    assert made == served


async def test_a_route_is_called_as_it_is_configured(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.reply(Reply(body=b'{"statusCode": 200, "body": "hi"}'))
    iam = {"accesskey": "AKIDEXAMPLE", "secretkey": "s3cret", "session_token": "t0ken"}
    plugin = {"function": "app", "endpoint": upstream.url, "qualifier": "live", "authorization": {"iam": iam}}
    code, output, errors = await run("--route", "r", "--conf", conf(tmp_path, **plugin))
    assert (code, output) == (0, "hi")
    assert upstream.received[0].target.endswith("?Qualifier=live")
    assert "AKIDEXAMPLE" in (upstream.received[0].get("authorization") or "")
    assert json.loads(upstream.received[0].body)["headers"]["host"] == "shop.test"
    assert "s3cret" not in errors + output


async def test_a_function_behind_a_url_gets_the_request(upstream: FakeUpstream, tmp_path: Path) -> None:
    upstream.reply(Reply(headers={"x-amzn-RequestId": AWS_ID}, body=b"hi"))
    folder = conf(tmp_path, function_uri=f"{upstream.url}/fn")
    code, output, errors = await run("--route", "r", "--conf", folder, "--path", "/x/y", "-d", "text")
    assert (code, output) == (0, "hi")
    assert (upstream.received[0].method, upstream.received[0].target) == ("POST", "/fn/y")
    assert f"request {AWS_ID}" in errors
    code, _, errors = await run("--route", "r", "--conf", folder, "--show-event")
    assert (code, errors.startswith("error: --show-event is for direct calls")) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "name either a function, or a route by --route"),
        (["app", "--route", "r"], 2, "name either a function, or a route by --route"),
        (["--route", "r", "--qualifier", "live"], 2, "--qualifier goes with a function that is named"),
        (["--route", "r", "--format", "1.0"], 2, "--format goes with a function that is named"),
        (["--route", "s"], 1, "error: there is no route 's': there are r"),
        (["--route", "r", "--path", "/y"], 1, "error: no route takes GET /y of shop.test, and not 'r'"),
        (["a function", "--unsigned"], 1, "error: function: must be a function's name"),
        (["app", "--path", "/%zz", "--unsigned"], 1, "error: the request can't be sent"),
    ],
)
async def test_mistakes_are_told(tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    folder = conf(tmp_path, function="app", endpoint="http://127.0.0.1:9")
    found, output, errors = await run(*arguments, *(["--conf", folder] if "--route" in arguments else []))
    assert (found, output) == (code, "")
    assert message in errors


@pytest.mark.long
async def test_an_independent_api_takes_the_call(cloud: Cloud) -> None:
    cloud.results('{"statusCode": 201, "body": "hi"}')
    keys = {"AWS_ACCESS_KEY_ID": cloud.iam["accesskey"], "AWS_SECRET_ACCESS_KEY": cloud.iam["secretkey"]}
    code, output, _ = await run("app", "--region", REGION, "--endpoint", cloud.url, **keys)
    assert (code, output) == (0, "hi")
