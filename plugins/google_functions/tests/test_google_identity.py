"""ID tokens of every origin: google-auth asks, of places on 127.0.0.1 that answer as Google's do."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest

from phasegate import Secret
from phasegate.faas import Token
from phasegate.testing import FakeUpstream, Reply
from phasegate_google_functions.source import Authorization, IdTokens, Impersonation

AUDIENCE = "https://hello-abc-ew.a.run.app"
FEDERATED = "caller@shop.iam.gserviceaccount.com"
DELEGATE = "middle@shop.iam.gserviceaccount.com"
ACCESS = {"access_token": "acc3ss", "expires_in": 3600, "token_type": "Bearer"}

Signs = Callable[..., str]
Replies = Callable[..., Reply]


async def load(info: dict[str, Any] | None = None, impersonate: Impersonation | None = None) -> Token:
    credentials = None if info is None else Secret(json.dumps(info))
    source = IdTokens(audience=AUDIENCE, authorization=Authorization(credentials=credentials, impersonate=impersonate))
    return await asyncio.to_thread(source.load)


def ends(text: str) -> float:
    return float(jwt.decode(text, options={"verify_signature": False})["exp"])


async def test_a_service_account_asks_with_its_key(
    google: FakeUpstream, account: dict[str, str], id_token: Signs, reply: Replies, assertion: Any
) -> None:
    google.reply(reply({"id_token": id_token()}))
    assert await load(account) == Token(Secret(id_token()), ends(id_token()))
    claims = assertion(google.received[0].body)
    assert (claims["iss"], claims["target_audience"]) == (account["client_email"], AUDIENCE)


async def test_the_environment_may_name_the_key(
    google: FakeUpstream,
    account: dict[str, str],
    id_token: Signs,
    reply: Replies,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "key.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    google.reply(reply({"id_token": id_token()}))
    assert (await load()).secret.value == id_token()


async def test_a_machine_asks_its_metadata(metadata: FakeUpstream, id_token: Signs, reply: Replies) -> None:
    known = {"email": "machine@shop.iam.gserviceaccount.com", "scopes": []}
    metadata.reply(
        reply(known, **{"metadata-flavor": "Google"}),
        Reply(headers={"content-type": "text/plain", "metadata-flavor": "Google"}, body=id_token().encode()),
    )
    assert (await load()).secret.value == id_token()
    asked = metadata.received[-1]
    assert asked.target.startswith("/computeMetadata/v1/instance/service-accounts/default/identity?")
    assert f"audience={AUDIENCE.replace(':', '%3A').replace('/', '%2F')}" in asked.target
    assert asked.get("metadata-flavor") == "Google"


async def test_an_account_is_impersonated_through_others(
    google: FakeUpstream, account: dict[str, str], id_token: Signs, reply: Replies
) -> None:
    google.reply(reply(ACCESS), reply({"token": id_token()}))
    wanted = Impersonation(service_account=FEDERATED, delegates=(DELEGATE,), iam_endpoint=google.url)
    assert (await load(account, wanted)).secret.value == id_token()
    asked = google.received[1]
    assert asked.target == f"/v1/projects/-/serviceAccounts/{FEDERATED}:generateIdToken"
    assert asked.get("authorization") == "Bearer acc3ss"
    assert json.loads(asked.body) == {
        "audience": AUDIENCE,
        "includeEmail": True,
        "delegates": [f"projects/-/serviceAccounts/{DELEGATE}"],
    }


async def test_a_machine_may_impersonate(
    google: FakeUpstream, metadata: FakeUpstream, id_token: Signs, reply: Replies
) -> None:
    flavor = {"metadata-flavor": "Google"}
    known = {"email": "machine@shop.iam.gserviceaccount.com", "scopes": []}
    metadata.reply(reply(known, **flavor), reply(ACCESS, **flavor))
    google.reply(reply({"token": id_token()}))
    wanted = Impersonation(service_account=FEDERATED, iam_endpoint=google.url)
    assert (await load(None, wanted)).secret.value == id_token()
    assert google.received[0].get("authorization") == "Bearer acc3ss"


def federated(google: FakeUpstream, **parts: Any) -> dict[str, Any]:
    return {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{google.url}/v1/token",
        "service_account_impersonation_url": f"{google.url}/v1/projects/-/serviceAccounts/{FEDERATED}:generateAccessToken",
        **parts,
    }


async def test_a_workload_of_another_cloud_becomes_the_account(
    google: FakeUpstream, id_token: Signs, reply: Replies, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("the-workloads-own")
    google.reply(reply(ACCESS), reply({"token": id_token()}))
    info = federated(google, credential_source={"file": str(tmp_path / "token")})
    assert (await load(info)).secret.value == id_token()
    exchanged, asked = google.received
    assert b"subject_token=the-workloads-own" in exchanged.body
    assert asked.target == f"/v1/projects/-/serviceAccounts/{FEDERATED}:generateIdToken"
    assert asked.get("authorization") == "Bearer acc3ss"


async def test_a_workload_on_aws_proves_itself_by_its_keys(
    google: FakeUpstream, id_token: Signs, reply: Replies, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_REGION", "eu-west-1"),
    ):
        monkeypatch.setenv(name, value)
    google.reply(reply(ACCESS), reply({"token": id_token()}))
    source = {
        "environment_id": "aws1",
        "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    }
    kind = "urn:ietf:params:aws:token-type:aws4_request"
    info = federated(google, subject_token_type=kind, credential_source=source)
    assert (await load(info)).secret.value == id_token()
    assert b"AKIDEXAMPLE" in google.received[0].body
    assert b"sts.eu-west-1.amazonaws.com" in google.received[0].body


async def test_what_is_configured_to_impersonate_does(
    google: FakeUpstream, account: dict[str, str], id_token: Signs, reply: Replies
) -> None:
    google.reply(reply(ACCESS), reply({"token": id_token()}))
    info = {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": federated(google)["service_account_impersonation_url"],
        "delegates": ["projects/-/serviceAccounts/d"],
        "source_credentials": account,
    }
    assert (await load(info)).secret.value == id_token()
    assert json.loads(google.received[1].body)["delegates"] == ["projects/-/serviceAccounts/d"]


@pytest.mark.parametrize("text", ["{}", "[", None])
async def test_a_file_that_holds_no_credentials_is_named(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if text is not None:
        (tmp_path / "key.json").write_text(text)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    with pytest.raises(Exception, match="GOOGLE_APPLICATION_CREDENTIALS: "):
        await load()


async def test_who_may_not_impersonate_is_told_why(
    google: FakeUpstream, account: dict[str, str], reply: Replies
) -> None:
    google.reply(reply(ACCESS), reply({"error": {"message": "Permission denied"}}, status=403))
    with pytest.raises(Exception, match=r"answered 403: .*Permission denied"):
        await load(account, Impersonation(service_account=FEDERATED, iam_endpoint=google.url))
