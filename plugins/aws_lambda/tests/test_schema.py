"""Every field, default and bound of the source article, and what is added beside them."""

import json
from typing import Any

import pytest

from phasegate import ConfigError, Finding
from phasegate.testing import make_plugin
from phasegate_aws_lambda.credentials import Source
from phasegate_aws_lambda.plugin import AwsLambda

URI = "https://x9w6z07gb9.execute-api.us-east-1.amazonaws.com/default/test-apisix"
ROLE = "arn:aws:iam::123456789012:role/caller"


def made(**config: Any) -> AwsLambda:
    return make_plugin(AwsLambda, {"function_uri": URI, **config})


def error(**config: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        make_plugin(AwsLambda, config)
    assert len(caught.value.findings) == 1
    return str(caught.value.findings[0])


def warnings(**config: Any) -> list[Finding]:
    return [finding for finding in made(**config).check() if finding.level == "warning"]


def test_defaults_are_the_articles() -> None:
    plugin = made()
    assert (plugin.timeout, plugin.ssl_verify, plugin.keepalive) == (3000, True, True)
    assert (plugin.keepalive_pool, plugin.keepalive_timeout) == (5, 60000)
    assert plugin.max_req_body_size == 67108864


@pytest.mark.parametrize(
    ("key", "bound"), [("timeout", 100), ("keepalive_pool", 1), ("keepalive_timeout", 1000), ("max_req_body_size", 1)]
)
def test_each_bound_holds_and_one_below_does_not(key: str, bound: int) -> None:
    assert getattr(made(**{key: bound}), key) == bound
    message = f"aws-lambda.{key}: must be at least {bound} (got {bound - 1})"
    assert error(function_uri=URI, **{key: bound - 1}) == message


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "aws-lambda.function_uri: is required"),
        ({"function_uri": "x9w6/default"}, "aws-lambda.function_uri: must be an absolute http or https URL"),
        ({"function_uri": "https://h/a%zz"}, "aws-lambda.function_uri: must be an absolute http or https URL"),
        ({"function_uri": 5}, "aws-lambda.function_uri: must be a string (got 5)"),
        ({"ssl_verify": "yes"}, "aws-lambda.ssl_verify: must be true or false (got 'yes')"),
        ({"keepalive": 1}, "aws-lambda.keepalive: must be true or false (got 1)"),
        ({"timeout": True}, "aws-lambda.timeout: must be an integer (got true)"),
        ({"timeuot": 1}, "aws-lambda.timeuot: is not a known key: did you mean 'timeout'?"),
        ({"authorization": {"apikey": ""}}, "aws-lambda.authorization.apikey: must not be empty"),
        ({"authorization": {"iam": {"accesskey": "A"}}}, "aws-lambda.authorization.iam.secretkey: is required"),
        ({"authorization": {"iam": {"secretkey": "s3cret"}}}, "aws-lambda.authorization.iam.accesskey: is required"),
        (
            {"authorization": {"iam": {"accesskey": "A", "secretkey": "s", "profile": "p"}}},
            "aws-lambda.authorization.iam.profile: stands beside accesskey: give one of them",
        ),
        (
            {"authorization": {"iam": {"session_token": "s3cret"}}},
            "aws-lambda.authorization.iam.accesskey: is required with session_token",
        ),
        (
            {"authorization": {"iam": {"assume_role": [{"role_arn": "caller"}]}}},
            "aws-lambda.authorization.iam.assume_role[0].role_arn: must be the ARN of a role",
        ),
        (
            {"authorization": {"iam": {"assume_role": [{"role_arn": ROLE, "duration": 899}]}}},
            "aws-lambda.authorization.iam.assume_role[0].duration: must be at least 900 (got 899)",
        ),
        (
            {"authorization": {"iam": {"assume_role": [{"role_arn": ROLE}, {"role_arn": ROLE, "duration": 3601}]}}},
            "aws-lambda.authorization.iam.assume_role[1].duration: must be at most 3600 where another role assumes",
        ),
        (
            {"authorization": {"iam": {"assume_role": [{"role_arn": ROLE, "tags": {"a": 1}}]}}},
            "aws-lambda.authorization.iam.assume_role[0].tags.a: must be a string (got 1)",
        ),
        (
            {"authorization": {"iam": {"accesskey": "A", "secretkey": "s", "secret_key": "s"}}},
            "aws-lambda.authorization.iam.secret_key: is another spelling of 'secretkey': give one of them",
        ),
        ({"authorization": {"mode": "iam", "apikey": "k"}}, "aws-lambda.authorization.iam: is required with mode: iam"),
        ({"authorization": {"mode": "apikey"}}, "aws-lambda.authorization.apikey: is required with mode: apikey"),
        (
            {"authorization": {"mode": "both", "apikey": "k"}},
            "aws-lambda.authorization.iam: is required with mode: both",
        ),
        ({"authorization": {"mode": "sigv2"}}, "aws-lambda.authorization.mode: must be one of apikey, iam, both"),
        ({"mode": "lambda"}, "aws-lambda.mode: must be one of http, invoke, invoke-stream"),
        ({"mode": "http", "function": "f"}, "aws-lambda.function: can't be used with mode: http: leave it out"),
        ({"function": "f"}, "aws-lambda.function_uri: can't be used with a direct call: leave it out"),
        ({"signed_headers": ["User-Agent"]}, "aws-lambda.signed_headers[0]: 'User-Agent' can't be signed"),
        ({"signed_headers": ["a b"]}, "aws-lambda.signed_headers[0]: must be a header name (got 'a b')"),
        ({"sign_location": "cookie"}, "aws-lambda.sign_location: must be one of header, query (got 'cookie')"),
    ],
)
def test_what_is_refused(config: dict[str, Any], message: str) -> None:
    given = {"function_uri": URI, **config} if config else {}
    found = error(**given)
    assert found.startswith(message)
    assert "s3cret" not in found


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"mode": "invoke"}, "function: is required with mode: invoke"),
        ({"mode": "invoke-stream"}, "function: is required with mode: invoke-stream"),
        (
            {"mode": "invoke-stream", "function": "f", "invocation_type": "Event"},
            "invocation_type: must be RequestResponse or DryRun with mode: invoke-stream",
        ),
        ({"function": "no/name"}, "function: must be a function's name, name:alias, or an ARN (got 'no/name')"),
        ({"function": "us-east-1:f"}, "function: must be a function's name"),
        ({"function": "f:live", "qualifier": "7"}, "qualifier: is '7', but function says 'live': give one of them"),
        (
            {"function": "arn:aws:lambda:eu-west-1:123456789012:function:f", "region": "us-east-1"},
            "region: is 'us-east-1', but function is in 'eu-west-1': leave it out",
        ),
        ({"function": "tenant-{path.t}"}, "allowed_functions: is required where the request fills in"),
        ({"function": "f", "allowed_functions": ["g"]}, "function: is none of allowed_functions (got 'f')"),
        (
            {"function": "f", "invocation_type": "Async"},
            "invocation_type: must be one of RequestResponse, Event, DryRun",
        ),
        ({"function": "f", "payload_format": "3.0"}, "payload_format: must be one of 2.0, 1.0, alb, alb-multi, raw"),
        ({"function": "f", "client_context": "[]"}, "client_context: must be a JSON object as text: it is no object"),
        ({"function": "f", "client_context": "x"}, "client_context: must be a JSON object as text: "),
        ({"function": "f", "tenant_id": "a;b"}, "tenant_id: must be letters, digits"),
        ({"function": "f", "function_error_status": 200}, "function_error_status: must be at least 400 (got 200)"),
        ({"function": "f", "unhandled_status": 200}, "function_error_status: must be at least 400 (got 200)"),
    ],
)
def test_what_is_refused_of_a_direct_call(config: dict[str, Any], message: str) -> None:
    assert error(**config).startswith(f"aws-lambda.{message}")


@pytest.mark.parametrize(
    ("config", "host"),
    [
        ({"function": "f"}, "lambda.us-east-1.amazonaws.com"),
        ({"function": "f", "region": "eu-west-1"}, "lambda.eu-west-1.amazonaws.com"),
        ({"function": "f", "region": "us-gov-west-1", "fips": True}, "lambda-fips.us-gov-west-1.amazonaws.com"),
        ({"function": "f", "region": "cn-north-1"}, "lambda.cn-north-1.amazonaws.com.cn"),
        (
            {"function": "arn:aws:lambda:ap-south-1:123456789012:function:f:live"},
            "lambda.ap-south-1.amazonaws.com",
        ),
        ({"function": "f", "host": "vpce-1.test"}, "vpce-1.test"),
    ],
)
def test_the_api_of_the_functions_region_is_called(config: dict[str, Any], host: str) -> None:
    assert make_plugin(AwsLambda, config).target().host == host


def test_an_endpoint_is_connected_to_and_the_apis_own_name_asked_for() -> None:
    target = make_plugin(AwsLambda, {"function": "f", "endpoint": "https://vpce-1.test:444"}).target()
    assert (target.address, target.host) == ("vpce-1.test:444", "lambda.us-east-1.amazonaws.com")
    assert target.tls_name == "lambda.us-east-1.amazonaws.com"


def test_the_region_of_an_arn_is_signed_for_and_another_one_warned_about() -> None:
    iam = {"accesskey": "A", "secretkey": "s", "aws_region": "us-east-1"}
    function = "arn:aws:lambda:eu-west-1:123456789012:function:f"
    plugin = make_plugin(AwsLambda, {"function": function, "authorization": {"iam": iam}})
    assert [finding.path for finding in plugin.check()] == ["authorization.iam.aws_region"]


def test_an_api_key_of_a_direct_call_is_warned_about() -> None:
    plugin = make_plugin(AwsLambda, {"function": "f", "authorization": {"apikey": "k", "iam": {}, "mode": "both"}})
    assert [finding.path for finding in plugin.check()] == ["authorization.apikey"]


@pytest.mark.parametrize(
    ("config", "paths"),
    [
        ({}, ["authorization.iam"]),
        ({"authorization": {"apikey": "k"}}, ["authorization.apikey", "authorization.iam"]),
        ({"authorization": {"iam": {}}}, []),
        ({"endpoint": "http://127.0.0.1:9004"}, []),
    ],
)
def test_a_direct_call_that_nobody_signs_is_warned_about_but_for_an_emulator(
    config: dict[str, Any], paths: list[str]
) -> None:
    found = list(make_plugin(AwsLambda, {"function": "f", **config}).check())
    assert [(finding.path, finding.level) for finding in found] == [(path, "warning") for path in paths]


def test_what_a_url_has_no_use_for_is_warned_about() -> None:
    given = {"invocation_type": "Event", "qualifier": "live", "unhandled_status": 500, "payload_format": "2.0"}
    assert {(finding.path, finding.level) for finding in warnings(**given)} == {
        ("invocation_type", "warning"),
        ("qualifier", "warning"),
        ("function_error_status", "warning"),
    }


def test_the_longest_client_context_is_what_aws_takes() -> None:
    def context(size: int) -> str:
        return json.dumps({"custom": "x" * (size - len('{"custom": ""}'))})

    make_plugin(AwsLambda, {"function": "f", "client_context": context(2685)})
    assert "over 3583 bytes" in error(function="f", client_context=context(2690))


@pytest.mark.parametrize("key", ["secretkey", "secret_key"])
def test_both_spellings_of_the_secret_key_are_taken(key: str) -> None:
    iam = made(authorization={"iam": {"accesskey": "A", key: "sesame"}}).authorization.iam
    assert iam is not None
    assert iam.secretkey is not None
    assert iam.secretkey.value == "sesame"


def test_no_secret_shows_in_the_repr() -> None:
    plugin = made(
        authorization={
            "apikey": "s3cret",
            "iam": {"accesskey": "s3cret", "secretkey": "s3cret", "session_token": "s3cret"},
        }
    )
    assert "s3cret" not in repr(plugin)


def test_the_article_s_examples_load() -> None:
    assert made(authorization={"apikey": "<Generated API key>"}, ssl_verify=False).authorization.sends_key
    assert made(authorization={"iam": {"accesskey": "<key>", "secretkey": "<secret>"}}).authorization.signs


@pytest.mark.parametrize(
    ("mode", "sends_key", "signs"),
    [(None, True, False), ("apikey", True, False), ("iam", False, True), ("both", True, True)],
)
def test_of_both_credentials_the_mode_decides(mode: str | None, sends_key: bool, signs: bool) -> None:
    authorization: dict[str, Any] = {"apikey": "k", "iam": {"accesskey": "A", "secretkey": "s"}}
    if mode:
        authorization["mode"] = mode
    made_authorization = made(authorization=authorization).authorization
    assert (made_authorization.sends_key, made_authorization.signs) == (sends_key, signs)


def test_turning_verification_off_is_warned_about() -> None:
    assert [finding.path for finding in warnings(ssl_verify=False)] == ["ssl_verify"]
    assert warnings() == []


def test_a_region_or_service_that_contradicts_the_host_is_warned_about() -> None:
    iam = {"accesskey": "A", "secretkey": "s", "aws_region": "eu-west-1", "service": "lambda"}
    found = warnings(authorization={"iam": iam})
    assert [finding.path for finding in found] == ["authorization.iam.aws_region", "authorization.iam.service"]
    assert "'us-east-1'" in found[0].message


def test_a_temporary_key_without_its_token_is_warned_about() -> None:
    found = warnings(authorization={"iam": {"accesskey": "ASIAEXAMPLE", "secretkey": "s"}})
    assert [finding.path for finding in found] == ["authorization.iam.session_token"]


@pytest.mark.parametrize(
    "iam",
    [{}, {"profile": "p"}, {"assume_role": [{"role_arn": ROLE, "tags": {"team": "a"}}]}, {"aws_region": "us-east-1"}],
)
def test_keys_need_not_be_given(iam: dict[str, Any]) -> None:
    authorization = made(authorization={"iam": iam}).authorization
    assert authorization.signs
    assert isinstance(authorization.signs_with("h.example"), Source)


@pytest.mark.parametrize(
    ("uri", "count"),
    [("http://functions.example/", 1), ("http://127.0.0.1:9001/", 0), ("http://[::1]/", 0), ("http://localhost:1/", 0)],
)
def test_credentials_in_clear_text_are_warned_about(uri: str, count: int) -> None:
    plugin = make_plugin(AwsLambda, {"function_uri": uri, "authorization": {"apikey": "k"}})
    assert len(list(plugin.check())) == count
