"""`phasegate lambda sign` as a user runs it: what it prints is a request that holds, and shows no secret."""

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from phasegate_aws_lambda.command import lambda_group
from phasegate_aws_lambda.local.keys import Credentials
from phasegate_aws_lambda.local.received import Received
from phasegate_aws_lambda.local.verifier import Verifier

HOST = "abcdef.lambda-url.eu-west-1.on.aws"
URL = f"https://{HOST}/orders/a%20b?id=7"
TOKEN = "t0ken/of+ours="


@pytest.fixture(autouse=True)
def keys(nowhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(lambda_group, ["sign", *arguments])


def verified(target: str, lines: list[str], *, method: str = "GET", body: bytes = b"") -> str:
    """Have the local Lambda's verifier judge a request."""
    fields = [(name.encode(), value.encode()) for name, _, value in (line.partition(": ") for line in lines)]
    received = Received(method=method, target=target.encode(), headers=((b"host", HOST.encode()), *fields), body=body)
    return Verifier(Credentials("AKIDENV", "s3cret", TOKEN), region="eu-west-1").verify(received)


def test_the_printed_headers_sign() -> None:
    result = run(URL)
    assert verified("/orders/a%20b?id=7", result.stdout.splitlines()) == "AKIDENV"


def test_a_body_and_headers_are_signed_too(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b'{"a": 1}')
    result = run(URL, "-X", "post", "-H", "Content-Type: application/json", "-d", f"@{tmp_path / 'body'}")
    lines = result.stdout.splitlines()
    assert "content-type: application/json" in lines
    assert verified("/orders/a%20b?id=7", lines, method="POST", body=b'{"a": 1}') == "AKIDENV"


def test_the_printed_url_signs() -> None:
    url = run(URL, "--query").stdout.strip()
    assert verified(url.removeprefix(f"https://{HOST}"), []) == "AKIDENV"


@pytest.mark.parametrize("options", [[], ["--query"]])
def test_the_explanation_shows_each_step_and_no_secret(options: list[str]) -> None:
    text = run("--explain", *options, URL).stdout
    titles = [line for line in text.splitlines() if line and not line.startswith(" ")]
    assert titles == [
        "region eu-west-1, service lambda: as the host says",
        "key AKIDENV, from the default chain: the environment",
        "Canonical request",
        "String to sign",
        "Request",
    ]
    assert "  /orders/a%2520b\n" in text
    assert re.search(r"^  GET /orders/a%20b\?id=7", text, re.MULTILINE)
    assert "***" in text
    for secret in ("s3cret", TOKEN, "t0ken"):
        assert secret not in text


def test_what_the_host_does_not_say_is_said() -> None:
    text = run("--explain", "https://api.example.com/").stdout
    assert text.startswith("region us-east-1, service execute-api: api.example.com says nothing of them\n")
    text = run("--explain", URL, "--region", "us-east-2").stdout
    assert text.startswith("region us-east-2, service lambda: though the host is of eu-west-1, lambda\n")


def test_a_role_is_assumed_first(sts: Any) -> None:
    text = run("--explain", URL, "--role-arn", "arn:aws:iam::123456789012:role/caller").stdout
    assert re.search(
        r"^key ASIA\w+, from role arn:aws:iam::123456789012:role/caller: the environment$", text, re.MULTILINE
    )
    assert len(sts.asked) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([URL, "--profile", "missing"], "Error: no credentials from profile 'missing': "),
        (["orders"], "'orders' is no absolute http or https URL"),
        (["https://h/%zz"], "Error: Invalid value for 'URL'"),
        ([URL, "-H", "none"], "a header is written as 'Name: value'"),
        ([URL, "-d", "@/nowhere"], "/nowhere can't be read"),
    ],
)
def test_what_can_not_be_signed_is_an_error(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert message in result.stderr


def test_the_local_lambdas_commands_are_in_the_group_too() -> None:
    assert {"serve", "sign"} <= set(lambda_group.commands)
