"""The rules of `secrets` resources: managers of secrets, each with its own, by the first word of its id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import Finding
from .validator import Schema

Rules = dict[str, Any]

_TEXT: Rules = {"type": "string", "empty": False}
_SECRET: Rules = {**_TEXT, "secret": True, "format": "header-value"}
_ID: Rules = {
    "type": "string",
    "required": True,
    "regex": r"(aws|vault)/(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}",
    "meta": {"expected": "aws/NAME or vault/NAME, the name of 1 to 64 letters, digits, . _ or -, not . or .. alone"},
    "about": "Which manager it is, and the name by which references ask for it.",
}

VAULT: Rules = {
    "uri": {**_TEXT, "format": "url", "required": True, "about": "Where Vault listens."},
    "prefix": {
        **_TEXT,
        "required": True,
        "regex": r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*",
        "meta": {"expected": "the path of a KV engine, such as kv/gateway, or secret/data/gateway for version 2"},
        "about": "The path of the engine that holds the secrets, and a folder in it.",
    },
    "token": {**_SECRET, "required": True, "about": "A token that may read there."},
    "namespace": {**_TEXT, "format": "header-value", "about": "The namespace of Vault Enterprise."},
}

AWS: Rules = {
    "access_key_id": {**_SECRET, "required": True, "about": "The id of a key pair that may read the secrets."},
    "secret_access_key": {**_SECRET, "required": True, "about": "The secret of the key pair."},
    "session_token": {**_SECRET, "about": "The token that belongs to a temporary key pair."},
    "region": {
        "type": "string",
        "regex": "[a-z0-9-]+",
        "default": "us-east-1",
        "meta": {"expected": "a region such as us-east-1"},
        "about": "Where the secrets are.",
    },
    "endpoint_url": {**_TEXT, "format": "url", "about": "Another endpoint than AWS's own, such as a VPC's."},
}

MANAGERS: dict[str, Rules] = {"aws": AWS, "vault": VAULT}


def _optional(rules: Rules) -> Rules:
    dropped = ("required", "default")
    return {key: {name: rule for name, rule in its.items() if name not in dropped} for key, its in rules.items()}


SECRETS: Rules = {"id": _ID, **_optional(AWS), **_optional(VAULT)}
"""What any manager may hold; `ManagerSchema` says which of it."""


class ManagerSchema(Schema):
    """Judges a manager by the rules that its id names: `vault/1` by those of Vault."""

    def __init__(self) -> None:
        super().__init__(SECRETS)
        self._managers = {name: Schema({"id": _ID, **rules}) for name, rules in MANAGERS.items()}

    def validate(self, document: object, path: str = "") -> tuple[dict[str, Any], list[Finding]]:
        """Return the manager with its defaults filled in, and every error."""
        name = str(document.get("id", "")).partition("/")[0] if isinstance(document, Mapping) else ""
        return (self._managers[name].validate if name in self._managers else super().validate)(document, path)
