"""What every auth plugin has: its fields, and how it says that a credential is missing or does not hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from phasegate import Outcome, Plugin, Services

# A quoted string of RFC 9110 section 5.6.4, without what needs escapes.
_REALM = r"[ !#-\[\]-~]+"


def fields(realm: str) -> dict[str, Any]:
    """Return the rules of the fields that all auth plugins have, with a plugin's default realm."""
    return {
        "hide_credentials": {
            "type": "boolean",
            "default": True,
            "about": "Take the credential out of the request before it goes on.",
        },
        "realm": {
            "type": "string",
            "regex": _REALM,
            "default": realm,
            "about": "The realm that a 401 names.",
        },
        "anonymous_consumer": {
            "type": "string",
            "regex": "[A-Za-z0-9_-]{1,100}",
            "about": "The consumer that a request without any credential is from.",
        },
        "run_on_preflight": {
            "type": "boolean",
            "default": False,
            "about": "Ask the preflights of browsers, which have no credentials, for one, too.",
        },
    }


@dataclass(kw_only=True)
class AuthPlugin(Plugin):
    """The base of auth plugins. Field names and defaults are APISIX's, but for `hide_credentials`, which is on here."""

    scheme: ClassVar[str]
    """The authentication scheme of `WWW-Authenticate`."""
    parameters: ClassVar[str] = ""
    """What follows the realm there."""
    missing: ClassVar[str]
    """The sentence for a request without credential."""
    wrong: ClassVar[str]
    """The sentence for a credential that does not hold; it is the same whatever is wrong."""

    hide_credentials: bool
    realm: str
    anonymous_consumer: str | None = None
    run_on_preflight: bool

    async def open(self, services: Services) -> None:
        """Take what requests need."""
        self.consumers = services.consumers
        self.clock = services.clock
        self.logger = services.logger
        self._challenge = f'{self.scheme} realm="{self.realm}"{self.parameters}'

    def absent(self) -> Outcome:
        """Return that the request has no credential of this kind."""
        name = self.anonymous_consumer
        anonymous = None if name is None else self.consumers.named(name)
        return Outcome.absent(self.missing, challenge=self._challenge, anonymous=anonymous)

    def invalid(self, reason: str) -> Outcome:
        """Return that the credential does not hold; the reason is for the log, and holds no secret."""
        return Outcome.invalid(self.wrong, challenge=self._challenge, reason=reason)
