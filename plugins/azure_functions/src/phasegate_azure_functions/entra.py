"""Tokens of Microsoft Entra ID, for function apps that ask for them (App Service authentication)."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from phasegate import Finding, Secret
from phasegate.faas import Token

_EXTRA = "phasegate-azure-functions[entra]"
_TEXT = {"type": "string", "empty": False}

ENTRA: dict[str, Any] = {
    "type": "dict",
    "about": "Has a token of Microsoft Entra ID sent as Authorization.",
    "schema": {
        "scope": {**_TEXT, "about": "The scope that the token is for: this or `resource`."},
        "resource": {**_TEXT, "about": "The resource that it is for, whose /.default is the scope."},
        "client_id": {**_TEXT, "about": "The user-assigned identity that asks for it."},
    },
}


@dataclass(frozen=True, kw_only=True)
class Entra:
    """Whom tokens are for, a scope or a resource, and the user-assigned identity that asks; without one, the machine's own."""

    scope: str | None = None
    resource: str | None = None
    client_id: str | None = None

    def check(self) -> Iterator[Finding]:
        """Yield what the schema can't see, azure-identity's absence among it."""
        if (self.scope is None) == (self.resource is None):
            yield Finding("scope", "or resource is required, and one of them alone")
        if not _is_installed():
            yield Finding("", f"needs azure-identity: install {_EXTRA}")

    def load(self) -> Token:
        """Ask the managed or workload identity that the environment tells of, blocking."""
        identity = importlib.import_module("azure.identity")
        with identity.ManagedIdentityCredential(client_id=self.client_id) as credential:
            found = credential.get_token(self.scope or f"{self.resource}/.default")
        return Token(Secret(found.token), float(found.expires_on))

    def __str__(self) -> str:
        return f"Entra ID for {self.scope or self.resource}"


def _is_installed() -> bool:
    try:
        return importlib.util.find_spec("azure.identity") is not None
    except ModuleNotFoundError:
        return False
