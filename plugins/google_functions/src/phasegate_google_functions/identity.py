"""ID tokens by google-auth, which blocks, and is asked by `source` in a thread.

Source: "Get an ID token" and the IAM Service Account Credentials API (Google Cloud documentation).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import requests
from google.auth import aws, compute_engine, identity_pool, impersonated_credentials, jwt, pluggable
from google.auth.transport.requests import Request
from google.oauth2 import credentials as users
from google.oauth2 import service_account

from phasegate import Secret
from phasegate.faas import Token

from .source import Authorization, Impersonation, has_tokens, parsed

_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
_AWS_TOKEN = "urn:ietf:params:aws:token-type:aws4_request"  # noqa: S105 (a type of tokens)
_BY_URL = "service_account_impersonation_url"

Info = dict[str, Any]


class NoTokenError(Exception):
    """Google gives no token, or nothing says who asks for one."""


class _Grant(NamedTuple):
    """Where the tokens of an account are asked for by another one."""

    url: str
    delegates: list[str]


def load(authorization: Authorization, audience: str) -> Token:
    """Return a new ID token for an audience.

    Raise NoTokenError, and whatever google-auth raises; the messages are fit for the log.
    """
    info = authorization.info() or _of_environment()
    if info is not None and authorization.impersonate is None and not has_tokens(info):
        raise NoTokenError(f"credentials of type {info['type']} have no ID tokens: impersonate a service account")
    with requests.Session() as session:
        request = Request(session)
        grant, info = _grant(authorization.impersonate, info)
        text = _own(info, audience, request) if grant is None else _granted(grant, info, audience, request)
    return Token(Secret(text), float(jwt.decode(text, verify=False)["exp"]))


def _of_environment() -> Info | None:
    """Return what GOOGLE_APPLICATION_CREDENTIALS names; None where the machine's metadata is to be asked."""
    path = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if not path:
        return None
    try:
        return parsed(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise NoTokenError(f"GOOGLE_APPLICATION_CREDENTIALS: {error}") from error


def _grant(wanted: Impersonation | None, info: Info | None) -> tuple[_Grant | None, Info | None]:
    """Return whom to ask for a token of another account, and what to ask with; None where no other one is wanted."""
    if wanted is not None:
        url = f"{wanted.iam_endpoint.rstrip('/')}/v1/{_resource(wanted.service_account)}:generateIdToken"
        return _Grant(url, [_resource(name) for name in wanted.delegates]), info
    if info is None or _BY_URL not in info:
        return None, info
    # The account that the credentials become by themselves gives its ID token to whoever may have its access token.
    grant = _Grant(info[_BY_URL].replace(":generateAccessToken", ":generateIdToken"), info.get("delegates") or [])
    before = info.get("source_credentials") or {name: value for name, value in info.items() if name != _BY_URL}
    return grant, before


def _resource(email: str) -> str:
    return f"projects/-/serviceAccounts/{email}"


def _own(info: Info | None, audience: str, request: Request) -> str:
    if info is None:
        found = compute_engine.IDTokenCredentials(request, audience, use_metadata_identity_endpoint=True)
    else:
        found = service_account.IDTokenCredentials.from_service_account_info(info, target_audience=audience)
    found.refresh(request)
    return str(found.token)


def _granted(grant: _Grant, info: Info | None, audience: str, request: Request) -> str:
    found, headers = _credentials(info), {"content-type": "application/json"}
    found.refresh(request)
    found.apply(headers)
    wanted = {"audience": audience, "includeEmail": True, "delegates": grant.delegates}
    answer = request(grant.url, method="POST", headers=headers, body=json.dumps(wanted).encode())
    if answer.status != 200:
        raise NoTokenError(f"{grant.url} answered {answer.status}: {answer.data.decode(errors='replace'):.500}")
    return str(json.loads(answer.data)["token"])


def _credentials(info: Info | None) -> Any:
    """Return what asks for tokens of others: google-auth's own credentials, of whatever type."""
    if info is None:
        return compute_engine.Credentials(scopes=_SCOPES)
    kind = info["type"]
    if kind == "service_account":
        return service_account.Credentials.from_service_account_info(info, scopes=_SCOPES)
    if kind == "impersonated_service_account":
        return impersonated_credentials.Credentials.from_impersonated_service_account_info(info, scopes=_SCOPES)
    if kind == "authorized_user":
        return users.Credentials.from_authorized_user_info(info, scopes=_SCOPES)
    if info.get("subject_token_type") == _AWS_TOKEN:
        return aws.Credentials.from_info(info, scopes=_SCOPES)
    runs = "executable" in (info.get("credential_source") or {})
    return (pluggable if runs else identity_pool).Credentials.from_info(info, scopes=_SCOPES)
