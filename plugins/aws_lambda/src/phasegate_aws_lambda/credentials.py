"""What requests are signed with, and where a configuration says that this comes from."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from phasegate import Finding, Secret

# AssumeRole of the AWS STS API reference; a role that is assumed by another one is given an hour at most.
_SHORTEST_SECONDS, _LONGEST_SECONDS, _LONGEST_CHAINED_SECONDS = 900, 43_200, 3600
_ROLE_ARN = r"arn:aws[a-z0-9-]*:iam::[0-9]{12}:role/.+"

ROLE: dict[str, Any] = {
    "role_arn": {
        "type": "string",
        "regex": _ROLE_ARN,
        "required": True,
        "meta": {"expected": "the ARN of a role, such as arn:aws:iam::123456789012:role/caller"},
        "about": "The role's ARN.",
    },
    "session_name": {
        "type": "string",
        "regex": r"[A-Za-z0-9_+=,.@-]{2,64}",
        "meta": {"expected": "2 to 64 letters, digits or _+=,.@-"},
        "about": "What AWS's logs call the session.",
    },
    "external_id": {
        "type": "string",
        "regex": r"[A-Za-z0-9_+=,.@:/-]{2,1224}",
        "meta": {"expected": "2 to 1224 letters, digits or _+=,.@:/-"},
        "about": "What the role's owner may ask for.",
    },
    "duration": {
        "type": "integer",
        "min": _SHORTEST_SECONDS,
        "max": _LONGEST_SECONDS,
        "about": "Seconds that the role's keys hold; without it an hour.",
    },
    "tags": {
        "type": "dict",
        "valuesrules": {"type": "string", "maxlength": 256},
        "default": {},
        "about": "The session's tags, each a name and a text.",
    },
    "sts_endpoint": {
        "type": "string",
        "format": "url",
        "about": "The URL of another STS: a VPC endpoint, an emulator.",
    },
}


@dataclass(frozen=True, slots=True)
class Keys:
    """What requests are signed with; `expires` is in seconds since 1970, None for keys that say nothing of an end.

    `found_by` says for people where the first of them came from, and makes no keys others.
    """

    access_key: str
    secret_key: Secret
    session_token: Secret | None = None
    expires: float | None = None
    found_by: str = field(default="the configuration", compare=False)


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role to assume: by whoever was found before it, for `duration` seconds, an hour where that is left out."""

    role_arn: str
    session_name: str | None = None
    external_id: str | None = None
    duration: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict, hash=False)
    sts_endpoint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where keys come from. Equal sources give the same keys, so one of them is asked for all.

    The first keys are `static`, else those of a shared `profile`, else what AWS's default chain finds; then the `roles` are
    assumed one after the other. `region` is where STS is asked if the machine has none of its own.
    """

    static: Keys | None
    profile: str | None
    roles: tuple[Role, ...]
    region: str

    def load(self) -> Keys:
        """Return the present keys, blocking. botocore is imported by the first load, in its thread."""
        keys: Keys = importlib.import_module(f"{__package__}.chain").load(self)
        return keys

    def __str__(self) -> str:
        if self.roles:
            return f"role {self.roles[-1].role_arn}"
        return "the default chain" if self.profile is None else f"profile {self.profile!r}"


def role_findings(roles: tuple[Role, ...]) -> Iterator[Finding]:
    """Yield an error for each role that is to last longer than AWS lets one that another role assumes."""
    for index, role in enumerate(roles):
        if index > 0 and role.duration is not None and role.duration > _LONGEST_CHAINED_SECONDS:
            message = f"must be at most {_LONGEST_CHAINED_SECONDS} where another role assumes this one"
            yield Finding(f"assume_role[{index}].duration", f"{message} (got {role.duration})")
