"""Keys by botocore, which knows every place where AWS's own tools look for them. All of this blocks."""

from __future__ import annotations

import datetime as dt
import os
import re
import socket
import subprocess
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.credentials import ProcessProvider, RefreshableCredentials
from botocore.exceptions import MetadataRetrievalError
from botocore.loaders import Loader
from botocore.session import Session

from phasegate import Secret

from .credentials import Keys, Role, Source
from .endpoint import endpoint_of

_LIMITS = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 2, "mode": "standard"})
_PROCESS_SECONDS = 30
NOTHING = (
    "nothing has any: give keys, a profile or a role, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where AWS "
    "provides them (instance metadata is asked by IMDSv2 alone, which from a container takes a hop limit of 2)"
)
# What botocore calls the places where it finds keys, in words.
_PLACES = {
    "env": "the environment",
    "shared-credentials-file": "the shared credentials file",
    "config-file": "the shared config file",
    "sso": "SSO",
    "assume-role": "the role of a profile",
    "assume-role-with-web-identity": "a web identity",
    "custom-process": "a process",
    "container-role": "the container (ECS or EKS Pod Identity)",
    "iam-role": "the instance's metadata",
}
_NOT_IN_A_SESSION_NAME = re.compile(r"[^A-Za-z0-9_+=,.@-]")


class NoKeysError(Exception):
    """The chain yields nothing, or what can't be used."""


def load(source: Source) -> Keys:
    """Return the keys of a source, all files and endpoints behind it read anew.

    Raise NoKeysError, and whatever botocore and the system raise; the messages are fit for the log.
    """
    session = _session(source)
    keys = source.static or _found(session)
    for role in source.roles:
        keys = _assumed(session, keys, role)
    for text in (keys.access_key, *(secret.value for secret in (keys.session_token,) if secret)):
        if not text.isascii() or not text.isprintable():
            raise NoKeysError("the keys hold what can't stand in a header")
    return keys


def machine_region(source: Source) -> str | None:
    """Return the region that the environment or the profile says this machine is in."""
    return Session(profile=source.profile).get_config_variable("region") or os.environ.get("AWS_REGION")


def identity_of(keys: Keys, source: Source) -> str:
    """Return whose the keys are, as an ARN. Raise what botocore raises."""
    client = _sts(_session(source), keys, source.roles[-1].sts_endpoint if source.roles else None)
    try:
        return str(client.get_caller_identity()["Arn"])
    finally:
        client.close()


class _BoundedProcess(subprocess.Popen[bytes]):
    """A process that must give its keys in time; botocore itself would wait for ever."""

    def communicate(self, input: bytes | None = None, timeout: float | None = None) -> tuple[bytes, bytes]:  # noqa: A002
        """Return what the process writes. Raise NoKeysError, with the process ended, after half a minute."""
        try:
            return super().communicate(input, timeout or _PROCESS_SECONDS)
        except subprocess.TimeoutExpired as error:
            with self:
                self.kill()
            raise NoKeysError(f"the process took over {_PROCESS_SECONDS} s") from error


def _session(source: Source) -> Session:
    session = Session(profile=source.profile)
    session.register_component("data_loader", _descriptions())
    session.set_default_client_config(_LIMITS)
    session.set_config_variable("ec2_metadata_v1_disabled", True)
    session.set_config_variable("sts_regional_endpoints", "regional")
    if session.get_config_variable("region") is None:
        session.set_config_variable("region", os.environ.get("AWS_REGION") or source.region)
    return session


@lru_cache(maxsize=1)
def _descriptions() -> Loader:
    """Return botocore's reader of AWS's services, which keeps what it has read: parsing that again holds up all threads."""
    return Loader()


def _found(session: Session) -> Keys:
    _never_waits(session)
    try:
        found = session.get_credentials()
    except MetadataRetrievalError as error:
        raise NoKeysError(NOTHING) from error
    if found is None:
        raise NoKeysError(NOTHING)
    frozen = found.get_frozen_credentials()
    token = Secret(frozen.token) if frozen.token else None
    place = _PLACES.get(found.method, found.method)
    return Keys(frozen.access_key, Secret(frozen.secret_key), token, _expiry(found), place)


def _expiry(found: Any) -> float | None:
    if not isinstance(found, RefreshableCredentials):
        return None
    # botocore tells it nowhere else.
    expiry: dt.datetime | None = found._expiry_time  # noqa: SLF001
    return None if expiry is None else expiry.timestamp()


def _never_waits(session: Session) -> None:
    """Let neither a process nor a question hold the chain up for ever."""
    bounded = ProcessProvider(session.profile or "default", lambda: session.full_config, popen=_BoundedProcess)
    providers = session.get_component("credential_provider")
    providers.insert_after(bounded.METHOD, bounded)
    providers.remove(bounded.METHOD)
    # What a resolver that was made for the session can be told no other way.
    providers.get_provider("assume-role")._prompter = _refuse_to_ask  # noqa: SLF001


def _refuse_to_ask(question: str) -> str:
    raise NoKeysError(f"the profile asks what nobody can answer here: {question.strip()!r}")


def _assumed(session: Session, keys: Keys, role: Role) -> Keys:
    client = _sts(session, keys, role.sts_endpoint)
    try:
        given = client.assume_role(**_arguments(role))["Credentials"]
    finally:
        client.close()
    expires = given["Expiration"].timestamp()
    secret, token = Secret(given["SecretAccessKey"]), Secret(given["SessionToken"])
    return Keys(given["AccessKeyId"], secret, token, expires, keys.found_by)


def _sts(session: Session, keys: Keys, url: str | None) -> Any:
    host = urlsplit(url).hostname if url else None
    known = endpoint_of(host) if host else None
    return session.create_client(
        "sts",
        region_name=known.region if known else None,
        endpoint_url=url,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key.value,
        aws_session_token=keys.session_token.value if keys.session_token else None,
    )


def _arguments(role: Role) -> dict[str, Any]:
    """Return what AssumeRole is called with (AWS STS API reference)."""
    given = {
        "RoleArn": role.role_arn,
        "RoleSessionName": role.session_name or _session_name(),
        "ExternalId": role.external_id,
        "DurationSeconds": role.duration,
        "Tags": [{"Key": key, "Value": value} for key, value in role.tags.items()],
    }
    return {name: value for name, value in given.items() if value}


def _session_name() -> str:
    return _NOT_IN_A_SESSION_NAME.sub("-", f"phasegate-{socket.gethostname()}")[:64]
