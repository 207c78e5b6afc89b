"""The keys that the two faces ask for. They come from the environment alone, since all can see a command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

API_KEY = "PHASEGATE_LAMBDA_API_KEY"
ACCESS_KEY = "PHASEGATE_LAMBDA_ACCESS_KEY"
SECRET_KEY = "PHASEGATE_LAMBDA_SECRET_KEY"  # noqa: S105 (a variable's name)
SESSION_TOKEN = "PHASEGATE_LAMBDA_SESSION_TOKEN"  # noqa: S105 (a variable's name)


class KeysError(ValueError):
    """The environment's keys do not fit together; the message names the variable and the remedy, never a value."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What requests to the function URL are signed with."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of both faces; a face without any is open, as a method without an API key and auth type NONE are."""

    api_key: str | None = field(default=None, repr=False)
    credentials: Credentials | None = None


def keys_from(environ: Mapping[str, str]) -> Keys:
    """Return the keys that are set. Raise KeysError for an empty one, one that is not ASCII, and half a pair."""
    for name in (API_KEY, ACCESS_KEY, SECRET_KEY, SESSION_TOKEN):
        value = environ.get(name, "unset")
        if not value or not value.isascii():
            raise KeysError(f"{name} is {'not ASCII' if value else 'empty'}: give it another value, or unset it")
    return Keys(environ.get(API_KEY), _credentials(environ))


def _credentials(environ: Mapping[str, str]) -> Credentials | None:
    access, secret, token = (environ.get(name) for name in (ACCESS_KEY, SECRET_KEY, SESSION_TOKEN))
    if access is not None and secret is not None:
        return Credentials(access, secret, token)
    if access is None and secret is None and token is None:
        return None
    missing = SECRET_KEY if secret is None else ACCESS_KEY
    raise KeysError(f"{missing} is not set: a signature needs both {ACCESS_KEY} and {SECRET_KEY}")
