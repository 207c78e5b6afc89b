"""Fields, defaults and bounds."""

import json
from typing import Any

import pytest

from phasegate import ConfigError
from phasegate.testing import make_plugin, make_services
from phasegate_google_functions import GoogleCloudFunctions

URI = "https://hello-abc-ew.a.run.app/greet"
FEDERATED = {"type": "external_account", "token_url": "s3cret"}
IMPERSONATE = {"service_account": "caller@shop.iam.gserviceaccount.com"}


def made(**config: Any) -> GoogleCloudFunctions:
    return make_plugin(GoogleCloudFunctions, {"function_uri": URI, **config})


def error(**config: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        made(**config)
    assert len(caught.value.findings) == 1
    return str(caught.value.findings[0])


def test_defaults_are_those_of_every_function_plugin() -> None:
    plugin = made()
    assert (plugin.timeout, plugin.ssl_verify, plugin.max_req_body_size) == (3000, True, 67108864)
    assert (plugin.keepalive, plugin.keepalive_pool, plugin.keepalive_timeout) == (True, 5, 60000)
    assert (plugin.audience, plugin.authorization, plugin.token_header) == (None, None, "authorization")
    assert plugin.priority == -1903


@pytest.mark.parametrize(
    ("key", "bound"), [("timeout", 100), ("keepalive_pool", 1), ("keepalive_timeout", 1000), ("max_req_body_size", 1)]
)
def test_each_bound_holds_and_one_below_does_not(key: str, bound: int) -> None:
    assert getattr(made(**{key: bound}), key) == bound
    assert error(**{key: bound - 1}) == f"google-cloud-functions.{key}: must be at least {bound} (got {bound - 1})"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"function_uri": "run.app"}, "function_uri: must be an absolute http or https URL"),
        ({"audience": ""}, "audience: must not be empty"),
        ({"token_header": "x-token"}, "token_header: must be one of authorization, x-serverless-authorization"),
        ({"authorization": {"credentials": ""}}, "authorization.credentials: must not be empty"),
        ({"authorization": {"credentials": "s3cret"}}, "authorization.credentials: must be JSON"),
        ({"authorization": {"credentials": '["s3cret"]'}}, "authorization.credentials: must be of a type among"),
        ({"authorization": {"credentials": '{"type": "s3cret"}'}}, "authorization.credentials: must be of a type"),
        ({"authorization": {"credentials": json.dumps(FEDERATED)}}, "authorization.impersonate: is required"),
        ({"authorization": {"credentials": '{"type": "authorized_user"}'}}, "authorization.impersonate: is required"),
        ({"authorization": {"impersonate": {}}}, "authorization.impersonate.service_account: is required"),
        (
            {"authorization": {"impersonate": {"service_account": "caller"}}},
            "authorization.impersonate.service_account: must be the e-mail address",
        ),
        (
            {"authorization": {"impersonate": {**IMPERSONATE, "delegates": ["a/b@c"]}}},
            "authorization.impersonate.delegates[0]: must be the e-mail address",
        ),
        ({"function_uri": "https://shop.test/", "authorization": {}}, "audience: is required, since shop.test is"),
    ],
)
def test_what_is_refused(config: dict[str, Any], message: str) -> None:
    found = error(**config)
    assert found.startswith(f"google-cloud-functions.{message}")
    assert "s3cret" not in found


@pytest.mark.parametrize(
    ("uri", "audience"),
    [
        (URI, "https://hello-abc-ew.a.run.app"),
        ("HTTPS://Hello-abc-ew.a.run.app:443/", "https://hello-abc-ew.a.run.app"),
        (
            "https://europe-west1-shop.cloudfunctions.net/hello/x?a=b",
            "https://europe-west1-shop.cloudfunctions.net/hello",
        ),
    ],
)
async def test_the_audience_is_the_functions_own_url(
    uri: str, audience: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere")
    plugin = made(function_uri=uri, endpoint="http://127.0.0.1:1", host="other.test", authorization={})
    await plugin.open(make_services())
    await plugin.close()
    told = [vars(record)["credentials"] for record in caplog.records if record.msg == "credentials unavailable"]
    assert told == [f"Google for {audience}"]


def test_a_service_with_a_domain_of_its_own_names_its_audience() -> None:
    plugin = made(function_uri="https://shop.test/", audience="https://hello-abc-ew.a.run.app", authorization={})
    assert list(plugin.check()) == []


def test_what_is_federated_may_become_an_account_by_itself() -> None:
    federated = {**FEDERATED, "service_account_impersonation_url": "https://iam.test/x:generateAccessToken"}
    made(authorization={"credentials": json.dumps(federated)})
    made(authorization={"credentials": json.dumps(FEDERATED), "impersonate": IMPERSONATE})


def test_a_token_in_clear_text_is_warned_about() -> None:
    plugin = made(function_uri="http://shop.run.app/", authorization={})
    assert [finding.path for finding in plugin.check()] == ["function_uri"]


def test_no_secret_shows_in_the_repr() -> None:
    key = json.dumps({"type": "service_account", "private_key": "s3cret"})
    assert "s3cret" not in repr(made(authorization={"credentials": key}))


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        ({"credential_source": {"file": "/etc/shadow"}}, "credential_source.file"),
        ({"credential_source": {"executable": {"command": "id"}}}, "credential_source.executable"),
        ({"credential_source": {"certificate": {}}}, "credential_source.certificate"),
        (
            {
                "type": "impersonated_service_account",
                "source_credentials": {"credential_source": {"file": "/etc/shadow"}},
            },
            "source_credentials.credential_source.file",
        ),
    ],
)
def test_what_only_the_operator_may_have_read_or_run_is_not_for_configurations(
    parts: dict[str, Any], place: str
) -> None:
    credentials = json.dumps({**FEDERATED, **parts})
    told = error(authorization={"credentials": credentials, "impersonate": IMPERSONATE})
    assert told.startswith(f"google-cloud-functions.authorization.credentials: {place} is for the operator alone")
