"""Every place that AWS's own tools take keys from, each running on 127.0.0.1."""

import datetime as dt
import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from phasegate import Secret
from phasegate_aws_lambda import chain
from phasegate_aws_lambda.chain import NoKeysError, load
from phasegate_aws_lambda.credentials import Keys, Role, Source

STATIC = Keys("AKIDSTATIC", Secret("s3cret"))
ROLE = "arn:aws:iam::123456789012:role/caller"
LATER = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=6)).replace(microsecond=0)


def source(static: Keys | None = None, profile: str | None = None, *roles: Role, region: str = "eu-west-1") -> Source:
    return Source(static=static, profile=profile, roles=roles, region=region)


def document(key: str, **names: str) -> dict[str, Any]:
    values = {"AccessKeyId": key, "SecretAccessKey": "s3cret", "Token": "t0ken", "Expiration": LATER.isoformat()}
    return {names.get(name, name): value for name, value in values.items()}


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t0ken")
    assert load(source()) == Keys("AKIDENV", Secret("s3cret"), Secret("t0ken"))


def test_a_profile_goes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, shared_config: Callable[[str], None]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    shared_config("[profile orders]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = s3cret\n")
    assert load(source(profile="orders")) == Keys("AKIDPROFILE", Secret("s3cret"))


def test_files_are_read_anew_each_time(shared_config: Callable[[str], None]) -> None:
    for key in ("AKIDFIRST", "AKIDSECOND"):
        shared_config(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = s3cret\n")
        assert load(source()).access_key == key


def test_a_process(tmp_path: Path, shared_config: Callable[[str], None]) -> None:
    program = tmp_path / "keys.py"
    answer = {"Version": 1, **document("AKIDPROCESS", Token="SessionToken")}
    program.write_text(f"print({json.dumps(answer)!r})")
    shared_config(f"[profile p]\ncredential_process = {sys.executable} {program}\n")
    keys = load(source(profile="p"))
    assert keys == Keys("AKIDPROCESS", Secret("s3cret"), Secret("t0ken"), LATER.timestamp())


def test_a_process_that_fails_says_so_in_its_own_words(tmp_path: Path, shared_config: Callable[[str], None]) -> None:
    program = tmp_path / "keys.py"
    program.write_text("raise SystemExit('the vault is shut')")
    shared_config(f"[profile p]\ncredential_process = {sys.executable} {program}\n")
    with pytest.raises(Exception, match="the vault is shut"):
        load(source(profile="p"))


def test_a_process_that_hangs_is_ended(shared_config: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[subprocess.Popen[bytes]] = []

    class Recorded(chain._BoundedProcess):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            begun.append(self)

    monkeypatch.setattr(chain, "_BoundedProcess", Recorded)
    monkeypatch.setattr(chain, "_PROCESS_SECONDS", 0.1)
    shared_config("[default]\ncredential_process = sleep 60\n")
    with pytest.raises(NoKeysError, match=r"the process took over 0\.1 s"):
        load(source())
    assert [process.returncode for process in begun] == [-signal.SIGKILL]


@pytest.mark.parametrize("kind", ["ecs", "eks"])
def test_a_container(kind: str, place: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = place(lambda asked: (200, json.dumps(document("AKIDCONTAINER")).encode()))
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{endpoint.url}/v1/credentials")
    if kind == "eks":
        (tmp_path / "token").write_text("pod-token")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
    else:
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "task-token")
    assert load(source()) == Keys("AKIDCONTAINER", Secret("s3cret"), Secret("t0ken"), LATER.timestamp())
    tokens = {"ecs": "task-token", "eks": "pod-token"}
    assert [(asked.path, asked.headers["Authorization"]) for asked in endpoint.asked] == [
        ("/v1/credentials", tokens[kind])
    ]


def test_instance_metadata_is_asked_with_a_token(metadata: Any) -> None:
    keys = load(source())
    assert (keys.access_key, keys.session_token) == ("test-key", Secret("test-session-token"))
    assert keys.expires is not None
    assert keys.expires > time.time() + 3600
    assert [asked.method for asked in metadata.asked] == ["PUT", "GET", "GET"]
    named = {name.lower(): value for asked in metadata.asked[1:] for name, value in asked.headers.items()}
    assert named["x-aws-ec2-metadata-token"] == "fake-imdsv2-token"


@pytest.mark.parametrize("status", [403, 404, 405, 500])
def test_instance_metadata_without_tokens_is_never_asked(status: int, metadata: Any) -> None:
    metadata.reply = lambda asked: (status, b"") if asked.method == "PUT" else (200, b"role")
    with pytest.raises(NoKeysError, match="hop limit of 2"):
        load(source())
    assert {asked.method for asked in metadata.asked} == {"PUT"}


def test_a_web_identity(sts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / "token"
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    for text in ("first", "second"):
        token.write_text(text)
        keys = load(source())
        assert keys.session_token is not None
        assert keys.expires is not None
        form = sts.asked[-1].form
        assert (form["Action"], form["RoleArn"]) == ("AssumeRoleWithWebIdentity", ROLE)
        assert form["WebIdentityToken"] == text


def test_single_sign_on(
    place: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared_config: Callable[[str], None]
) -> None:
    names = {"AccessKeyId": "accessKeyId", "SecretAccessKey": "secretAccessKey", "Token": "sessionToken"}
    answer = {**document("AKIDSSO", **names), "expiration": int(LATER.timestamp() * 1000)}
    portal = place(lambda asked: (200, json.dumps({"roleCredentials": answer}).encode()))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", portal.url)
    start = "https://example.awsapps.com/start"
    shared_config(
        f"[profile s]\nsso_start_url = {start}\nsso_region = eu-west-1\n"
        "sso_account_id = 123456789012\nsso_role_name = caller\n"
    )
    cache = tmp_path / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    token = {"startUrl": start, "region": "eu-west-1", "accessToken": "sso-token", "expiresAt": LATER.isoformat()}
    (cache / f"{hashlib.sha1(start.encode()).hexdigest()}.json").write_text(json.dumps(token))
    # botocore looks for the home folder once, when it is imported.
    program = "from phasegate_aws_lambda import chain, credentials as c; "
    program += "print(chain.load(c.Source(static=None, profile='s', roles=(), region='eu-west-1')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Keys(access_key='AKIDSSO'")
    assert f"expires={LATER.timestamp()}" in done.stdout
    assert portal.asked[0].headers["x-amz-sso_bearer_token"] == "sso-token"


def test_a_profile_with_a_role(sts: Any, shared_config: Callable[[str], None]) -> None:
    shared_config(
        f"[profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = s3cret\n"
        f"[profile r]\nrole_arn = {ROLE}\nsource_profile = base\nexternal_id = x-1\n"
    )
    assert load(source(profile="r")).expires is not None
    assert (sts.asked[0].form["RoleArn"], sts.asked[0].form["ExternalId"]) == (ROLE, "x-1")


MFA = f"""
[profile keys]
aws_access_key_id = AKIDBASE
aws_secret_access_key = s3cret
[profile asks]
role_arn = {ROLE}
source_profile = keys
mfa_serial = arn:aws:iam::123456789012:mfa/somebody
[profile follows]
role_arn = {ROLE}
source_profile = asks
"""


@pytest.mark.parametrize("profile", ["asks", "follows"])
def test_a_profile_that_asks_for_a_code_is_refused(profile: str, shared_config: Callable[[str], None]) -> None:
    shared_config(MFA)
    with pytest.raises(NoKeysError, match="nobody can answer here: 'Enter MFA code"):
        load(source(profile=profile))


def test_a_profile_that_asks_for_a_code_and_is_not_needed_is_passed_over(
    shared_config: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    shared_config(MFA.replace("profile asks", "default"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    assert load(source()).access_key == "AKIDENV"


def test_a_role_is_assumed_with_all_that_is_said_of_it(sts: Any) -> None:
    role = Role(role_arn=ROLE, session_name="s-1", external_id="x-1", duration=900, tags={"team": "a b"})
    keys = load(source(STATIC, None, role))
    form = sts.asked[0].form
    assert (form["Action"], form["RoleArn"]) == ("AssumeRole", ROLE)
    assert (form["RoleSessionName"], form["ExternalId"], form["DurationSeconds"]) == ("s-1", "x-1", "900")
    assert (form["Tags.member.1.Key"], form["Tags.member.1.Value"]) == ("team", "a b")
    assert keys.expires is not None
    assert abs(keys.expires - time.time() - 900) < 120


def test_roles_are_assumed_one_by_the_other(sts: Any) -> None:
    second = ROLE.replace("caller", "second")
    keys = load(source(STATIC, None, Role(role_arn=ROLE), Role(role_arn=second)))
    assert [asked.form["RoleArn"] for asked in sts.asked] == [ROLE, second]
    first, last = (asked.headers["Authorization"].split("Credential=")[1].split("/") for asked in sts.asked)
    assert first[0] == "AKIDSTATIC"
    assert last[0] not in ("AKIDSTATIC", keys.access_key)
    assert last[0].startswith("ASIA")


def test_a_session_is_named_after_the_machine(sts: Any) -> None:
    load(source(STATIC, None, Role(role_arn=ROLE)))
    assert sts.asked[0].form["RoleSessionName"].startswith("phasegate-")


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({}, "eu-west-1"),
        ({"AWS_REGION": "eu-north-1"}, "eu-north-1"),
        ({"AWS_DEFAULT_REGION": "sa-east-1"}, "sa-east-1"),
    ],
)
def test_sts_is_asked_in_the_machines_region_or_else_the_functions(
    variables: dict[str, str], region: str, sts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    load(source(STATIC, None, Role(role_arn=ROLE)))
    assert f"/{region}/sts/aws4_request" in sts.asked[0].headers["Authorization"]


def test_an_endpoint_of_sts_that_is_given_is_asked(place: Any, sts: Any) -> None:
    other = place(sts.reply)
    load(source(STATIC, None, Role(role_arn=ROLE, sts_endpoint=other.url)))
    assert (len(other.asked), len(sts.asked)) == (1, 0)


def test_a_role_that_is_refused_says_whose_word_that_is(sts: Any) -> None:
    refusal = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>"
    sts.reply = lambda asked: (403, refusal)
    with pytest.raises(Exception, match=r"AccessDenied.*AssumeRole.*not you"):
        load(source(STATIC, None, Role(role_arn=ROLE)))


def test_a_chain_that_yields_nothing_says_what_to_do() -> None:
    with pytest.raises(NoKeysError, match="set AWS_ACCESS_KEY_ID"):
        load(source())


def test_keys_that_no_header_can_carry_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID\nX: y")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    with pytest.raises(NoKeysError, match="can't stand in a header"):
        load(source())
