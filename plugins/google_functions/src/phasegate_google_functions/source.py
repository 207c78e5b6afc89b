"""Where ID tokens come from, as a configuration says it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from phasegate import Finding, Secret
from phasegate.faas import Token

# What Google's tools write, by its `type`, and whether it is an account that has ID tokens of its own.
_HAS_TOKENS = {
    "service_account": True,
    "impersonated_service_account": True,
    "external_account": False,
    "authorized_user": False,
}
# Who may write configurations, by the Admin API, is not to have any file of the machine read and sent somewhere, or run:
# `$file://` is kept to some folders for that. The environment is the operator's.
_OF_MACHINE = ("file", "executable", "certificate")
_BY_ENVIRONMENT = "is for the operator alone to say: name the configuration in GOOGLE_APPLICATION_CREDENTIALS instead"
_EMAIL = {
    "type": "string",
    "regex": r"[^@\s/:]+@[^@\s/:]+",
    "meta": {"expected": "the e-mail address of a service account"},
}

AUTHORIZATION: dict[str, Any] = {
    "type": "dict",
    "about": "Has an ID token sent, and says whose.",
    "schema": {
        "credentials": {
            "type": "string",
            "empty": False,
            "secret": True,
            "about": "The contents of a key file or credential configuration; without it the environment's.",
        },
        "impersonate": {
            "type": "dict",
            "about": "Whose tokens are asked for instead.",
            "schema": {
                "service_account": {**_EMAIL, "required": True, "about": "The service account whose tokens they are."},
                "delegates": {
                    "type": "list",
                    "schema": _EMAIL,
                    "default": [],
                    "about": "Accounts, each of which may impersonate the next, and the last one the account.",
                },
                "iam_endpoint": {
                    "type": "string",
                    "format": "url",
                    "default": "https://iamcredentials.googleapis.com",
                    "about": "The URL of the IAM Credentials API.",
                },
            },
        },
    },
}


@dataclass(frozen=True, kw_only=True)
class Impersonation:
    """Whose tokens are asked for, and through whom: each of `delegates` may impersonate the next, the last one the account."""

    service_account: str
    delegates: tuple[str, ...] = ()
    iam_endpoint: str = "https://iamcredentials.googleapis.com"


@dataclass(frozen=True, kw_only=True)
class Authorization:
    """The credentials to begin with, else those of the environment, and whom to be with them."""

    credentials: Secret | None = None
    impersonate: Impersonation | None = None

    def info(self) -> dict[str, Any] | None:
        """Return what the credentials say. Raise ValueError for what is none of Google's."""
        return None if self.credentials is None else parsed(self.credentials.value)

    def check(self) -> Iterator[Finding]:
        """Yield what the schema can't see; no finding holds a part of the credentials."""
        try:
            info = self.info()
        except ValueError as error:
            yield Finding("credentials", str(error))
            return
        place = None if info is None else _place_on_machine(info)
        if place is not None:
            yield Finding("credentials", f"{place} {_BY_ENVIRONMENT}")
        if info is not None and self.impersonate is None and not has_tokens(info):
            message = f"is required, since credentials of type {info['type']} are no service account's"
            yield Finding("impersonate", message)


@dataclass(frozen=True, kw_only=True)
class IdTokens:
    """The ID tokens of one account for one audience."""

    audience: str
    authorization: Authorization

    def load(self) -> Token:
        """Return a new token, blocking. google-auth is imported by the first load, in its thread."""
        token: Token = importlib.import_module(f"{__package__}.identity").load(self.authorization, self.audience)
        return token

    def __str__(self) -> str:
        return f"Google for {self.audience}"


def parsed(text: str) -> dict[str, Any]:
    """Return what a file of credentials says. Raise ValueError for one that none of Google's tools writes."""
    try:
        info = json.loads(text)
    except ValueError:
        raise ValueError("must be JSON: the contents of a key file or of a credential configuration") from None
    if not isinstance(info, dict) or info.get("type") not in _HAS_TOKENS:
        raise ValueError(f"must be of a type among {', '.join(_HAS_TOKENS)}")
    return info


def has_tokens(info: dict[str, Any]) -> bool:
    """Tell whether credentials have ID tokens: a service account's, or those that become one by themselves."""
    return _HAS_TOKENS[info["type"]] or "service_account_impersonation_url" in info


def _place_on_machine(info: dict[str, Any]) -> str | None:
    """Return the key of credentials that names a file or a program of this machine, None where there is none."""
    for name in ("credential_source", "source_credentials"):
        inner = info.get(name)
        if isinstance(inner, dict):
            key = next((key for key in _OF_MACHINE if key in inner), None) or _place_on_machine(inner)
            if key is not None:
                return f"{name}.{key}"
    return None
