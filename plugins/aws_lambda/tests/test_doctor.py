"""What the doctor is told of a function: by moto with permissions checked, and by an upstream that refuses as AWS does."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from phasegate import Diagnosis, UpstreamClient
from phasegate.testing import FakeUpstream, Reply, make_plugin, make_services
from phasegate_aws_lambda.plugin import AwsLambda

from .cloud import REGION, Cloud

SECRETS = ("s3cret", "t0ken")
ROLE = "arn:aws:iam::123456789012:role/caller"
URL = "https://abcdef.lambda-url.eu-west-1.on.aws/"
STATIC = {"accesskey": "AKIDEXAMPLE", "secretkey": "s3cret"}


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No keys of the machine that runs the tests."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / ".aws").mkdir()


async def diagnosed(**config: Any) -> dict[str, Diagnosis]:
    """Return what is found, by what it is about, and see that nothing secret is in it."""
    client = UpstreamClient()
    plugin = make_plugin(AwsLambda, config)
    found = [diagnosis async for diagnosis in plugin.diagnose(make_services(client=client))]
    await client.close()
    assert not [secret for secret in SECRETS if secret in repr(found)]
    assert all(diagnosis.remedy for diagnosis in found if diagnosis.level in ("warning", "error"))
    return {diagnosis.about: diagnosis for diagnosis in found}


def call(url: str, iam: dict[str, Any] | None = None, **config: Any) -> dict[str, Any]:
    authorization = {"authorization": {"iam": STATIC if iam is None else iam}}
    return {"function": "app", "region": REGION, "endpoint": url, **authorization, **config}


def refusal(status: int, error_type: str, message: str = "no") -> Reply:
    return Reply(
        status=status, headers={"x-amzn-ErrorType": error_type}, body=json.dumps({"message": message}).encode()
    )


@pytest.mark.long
@pytest.mark.parametrize("function", ["app", f"arn:aws:lambda:{REGION}:123456789012:function:app"])
async def test_aws_is_asked_whether_the_call_is_allowed(cloud: Cloud, function: str) -> None:
    found = await diagnosed(**call(cloud.url, cloud.iam, function=function, qualifier="$LATEST"))
    expected = f"may call {function}, qualifier $LATEST, in {REGION}"
    assert (found["permission"].level, found["permission"].message) == ("ok", expected)
    assert found["credentials"].level == "ok"


@pytest.mark.long
async def test_who_may_do_nothing_is_told_what_to_allow(cloud: Cloud) -> None:
    denied = (await diagnosed(**call(cloud.url, cloud.stranger)))["permission"]
    assert denied.level == "error"
    assert "AccessDenied" in denied.message
    assert "lambda:InvokeFunction" in denied.remedy


@pytest.mark.long
async def test_keys_that_aws_does_not_take_are_told_apart(cloud: Cloud) -> None:
    unknown = await diagnosed(**call(cloud.url, {**cloud.iam, "accesskey": "AKIAIOSFODNN7EXAMPLE"}))
    assert unknown["permission"].remedy.startswith("give keys that AWS knows")
    wrong = await diagnosed(**call(cloud.url, {**cloud.iam, "secretkey": "s3cret"}))
    assert wrong["permission"].remedy.startswith("see that secretkey belongs to accesskey")


async def test_a_dry_run_runs_nothing_and_is_what_would_be_called(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(status=204))
    await diagnosed(**call(upstream.url, qualifier="live", tenant_id="blue", host="vpce.test"))
    (asked,) = upstream.received
    assert (asked.method, asked.get("x-amz-invocation-type")) == ("POST", "DryRun")
    assert asked.target == "/2015-03-31/functions/app/invocations?Qualifier=live"
    assert (asked.get("x-amz-tenant-id"), asked.get("host")) == ("blue", "vpce.test")
    assert f"/{REGION}/lambda/aws4_request" in (asked.get("authorization") or "")


@pytest.mark.parametrize(
    ("reply", "level", "remedy"),
    [
        (refusal(404, "ResourceNotFoundException"), "error", "mend function, qualifier or region"),
        (refusal(403, "ExpiredTokenException"), "error", "renew the keys"),
        (refusal(403, "InvalidSignatureException", "t0ken"), "error", "see that secretkey belongs"),
        (refusal(403, ""), "error", "allow lambda:InvokeFunction"),
        (refusal(400, "SomethingNewException"), "error", "see what AWS says"),
        (refusal(429, "TooManyRequestsException"), "warning", "ask again later"),
        (refusal(500, "ServiceException"), "warning", "ask again later"),
    ],
)
async def test_every_refusal_has_its_remedy(upstream: FakeUpstream, reply: Reply, level: str, remedy: str) -> None:
    upstream.reply(reply)
    found = await diagnosed(**call(upstream.url, {**STATIC, "session_token": "t0ken"}))
    assert found["permission"].level == level
    assert found["permission"].remedy.startswith(remedy)


async def test_a_clock_that_aws_refuses_is_told_and_the_permission_asked_for_by_its_own(upstream: FakeUpstream) -> None:
    late = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=900)
    headers = {"x-amzn-ErrorType": "InvalidSignatureException", "Date": format_datetime(late, usegmt=True)}
    upstream.reply(Reply(status=403, headers=headers, body=b'{"message": "Signature expired: x"}'), Reply(status=204))
    found = await diagnosed(**call(upstream.url))
    assert found["clock"].level == "warning"
    assert re.fullmatch(r"ours is (899|900) s behind AWS's, which signatures are corrected by", found["clock"].message)
    assert found["permission"].level == "ok"
    signed = dt.datetime.strptime(upstream.received[1].get("x-amz-date") or "", "%Y%m%dT%H%M%S%z")
    assert abs((signed - late).total_seconds()) < 60


async def test_where_nobody_answers_the_permission_is_open(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(raw=b"", close=True))
    found = await diagnosed(**call(upstream.url))
    assert found["permission"].level == "note"
    assert found["permission"].message.startswith("can't be asked for app: ")


async def test_functions_that_requests_choose_are_asked_for_as_far_as_they_are_listed(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(status=204))
    listed: dict[str, Any] = {"function": "app-{path.t}", "allowed_functions": ["app-a", "app-b", "app-x*"]}
    await diagnosed(**call(upstream.url, **listed))
    assert [received.target.split("/")[3] for received in upstream.received] == ["app-a", "app-b"]
    found = await diagnosed(**call(upstream.url, **{**listed, "allowed_functions": ["app-*"]}))
    assert (found["permission"].level, len(upstream.received)) == ("note", 2)


async def test_every_version_that_shares_the_requests_is_asked_for(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(status=204))
    shares = [{"qualifier": "live", "weight": 9}, {"qualifier": "next", "weight": 1}]
    await diagnosed(**call(upstream.url, canary=shares))
    assert [received.target.partition("?")[2] for received in upstream.received] == ["Qualifier=live", "Qualifier=next"]


async def test_given_keys_are_shortened(upstream: FakeUpstream) -> None:
    found = await diagnosed(**call(upstream.url))
    assert found["credentials"].message == "AKID...MPLE, from the configuration, which do not expire"


async def test_given_keys_that_nothing_renews_are_doubtful(upstream: FakeUpstream) -> None:
    found = await diagnosed(**call(upstream.url, {**STATIC, "session_token": "t0ken"}))
    assert (found["credentials"].level, "nothing renews" in found["credentials"].message) == ("warning", True)


async def test_the_place_of_found_keys_is_told(upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENVIRON")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    found = await diagnosed(**call(upstream.url, {}))
    assert found["credentials"].message == "AKID...IRON, from the environment, which do not expire"


@pytest.mark.parametrize(
    ("seconds", "level", "end"),
    [(7230, "ok", ", for 2 h 0 min more"), (120, "warning", " s more"), (-60, "error", ": they have expired")],
)
async def test_the_end_of_found_keys_is_told(
    upstream: FakeUpstream, tmp_path: Path, seconds: int, level: str, end: str
) -> None:
    until = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)).isoformat()
    document = {"Version": 1, "AccessKeyId": "ASIAPROCESS", "SecretAccessKey": "s3cret", "SessionToken": "t0ken"}
    (tmp_path / "keys").write_text(json.dumps({**document, "Expiration": until}))
    (tmp_path / ".aws" / "config").write_text(f"[profile p]\ncredential_process = cat {tmp_path / 'keys'}\n")
    found = (await diagnosed(**call(upstream.url, {"profile": "p"})))["credentials"]
    if seconds < 0:
        # botocore refuses these itself.
        assert (found.level, "expired" in found.message) == ("error", True)
        return
    assert found.level == level
    assert found.message.startswith("ASIA...CESS, from a process, profile 'p'")
    assert found.message.endswith(end)


async def test_no_keys_anywhere_are_told_with_what_to_do() -> None:
    found = await diagnosed(function="app", authorization={"iam": {}})
    assert found["credentials"].message == "none from the default chain: nothing has any"
    assert found["credentials"].remedy.startswith("give keys, a profile or a role")
    assert "permission" not in found


async def test_a_profile_that_is_not_there(upstream: FakeUpstream) -> None:
    found = await diagnosed(**call(upstream.url, {"profile": "missing"}))
    assert found["credentials"].level == "error"
    assert "~/.aws/config" in found["credentials"].remedy


@pytest.mark.long
async def test_a_role_is_assumed_and_told(cloud: Cloud) -> None:
    role = {"role_arn": ROLE, "sts_endpoint": cloud.url}
    found = (await diagnosed(**call(cloud.url, {**cloud.iam, "assume_role": [role]})))["credentials"]
    assert found.level == "error"
    assert found.remedy.startswith(f"allow sts:AssumeRole on {ROLE}")


async def test_an_sts_that_is_away(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(raw=b"", close=True))
    iam = {**STATIC, "assume_role": [{"role_arn": ROLE, "sts_endpoint": "http://127.0.0.1:9"}]}
    found = (await diagnosed(**call(upstream.url, iam)))["credentials"]
    assert (found.level, found.remedy.startswith("open the way")) == ("error", True)


async def test_a_region_by_default_is_doubtful_where_the_machine_is_elsewhere(
    upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = call(upstream.url)
    del config["region"]
    assert (await diagnosed(**config))["region"].level == "note"
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    found = (await diagnosed(**config))["region"]
    assert (found.level, found.remedy) == ("warning", "set region: eu-central-1, if the function is there")
    assert "region" not in await diagnosed(**{**config, "region": "us-east-1"})


@pytest.mark.parametrize(("key", "about"), [("aws_region", "region"), ("service", "service")])
async def test_what_contradicts_the_host_is_an_error(key: str, about: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    found = await diagnosed(function_uri=URL, authorization={"iam": {**STATIC, key: "other"}})
    assert (found[about].level, found[about].remedy) == ("error", f"leave {key} out")


@pytest.mark.long
async def test_of_a_url_it_is_told_whose_the_keys_are_and_what_can_not_be_tried(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", cloud.url)
    found = await diagnosed(function_uri=URL, authorization={"iam": cloud.iam})
    assert (found["identity"].level, found["identity"].message.endswith(":user/gateway")) == ("ok", True)
    assert found["permission"] == Diagnosis(
        "permission",
        "can't be tried: any request there might run the function",
        "note",
        "see that lambda:InvokeFunctionUrl and lambda:InvokeFunction is allowed to these keys",
    )
    bad = await diagnosed(function_uri=URL, authorization={"iam": {**cloud.iam, "secretkey": "s3cret"}})
    assert bad["identity"].level == "error"


async def test_no_url_is_asked_for(upstream: FakeUpstream) -> None:
    found = await diagnosed(function_uri=f"{upstream.url}/fn", authorization={"apikey": "s3cret"})
    assert found["credentials"].message == "an API key, sent as x-api-key"
    assert "usage plan" in found["permission"].remedy
    found = await diagnosed(function_uri=f"{upstream.url}/fn", authorization={"iam": STATIC})
    assert set(found) == {"credentials", "permission"}
    found = await diagnosed(function_uri=f"{upstream.url}/fn")
    assert found["credentials"].message.startswith("none configured")
    assert upstream.received == []


async def test_calls_without_a_signature_are_for_emulators_alone(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(status=204))
    found = await diagnosed(function="app", endpoint=upstream.url)
    assert (found["credentials"].level, found["permission"].level) == ("warning", "ok")
