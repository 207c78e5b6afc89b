"""What of a request's values may be shown: no credential, and no secret of the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote_plus

from ..secret import MASK

# Names that credentials go by, wherever in a name they stand, and as words of it.
_TELLING = re.compile(
    "auth|cookie|token|secret|passw|credential|signature|session|csrf|xsrf|jwt|bearer|api[-_]?key|apikey|private|assertion",
    re.IGNORECASE,
)
_WORDS = frozenset({"key", "keys", "code", "sig", "sign", "sid", "pin", "otp", "pwd", "pass", "hmac", "ticket"})
_PARTS = re.compile(r"[-_.\[\]]+|(?<=[a-z])(?=[A-Z])")
# What credentials look like by themselves: schemes of RFC 9110 section 11, JSON Web Tokens, AWS's key ids.
_SHAPES = re.compile(
    r"(?:Bearer|Basic|Digest|Signature|AWS4-HMAC-SHA256)\s.*|eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_.-]*|\b(?:AKIA|ASIA)[A-Z0-9]{12,}",
    re.IGNORECASE,
)
_PAIR = re.compile(r"(?<=[?&;])([^=&;\s]+)=([^&;\s#\"'<>]*)")
_USERINFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")
# What clients say of themselves and of what they want. A field that is not among these may be a credential by a name that
# only its plugin knows.
_ORDINARY = re.compile(
    "host|user-agent|accept(-.*)?|content-.*|cache-control|pragma|range|if-.*|origin|referer|te|via|forwarded|date|expect|"
    "x-forwarded-.*|x-real-ip|x-request-id|traceparent|tracestate|sec-fetch-.*|sec-ch-.*|upgrade-insecure-requests|"
    "access-control-.*|x-requested-with|dnt|priority|prefer",
)
# Shorter ones stand in too many places by chance; they are hidden where they are all there is.
_SHORTEST = 4
_LONGEST_SHOWN = 200


def is_ordinary(name: str) -> bool:
    """Tell whether a field says nothing but what clients say of themselves and of what they want."""
    return _ORDINARY.fullmatch(name.lower()) is not None


class Veil:
    """Hides credentials in what is shown of one exchange.

    `names` are those of fields and arguments that hold some, beyond those whose names tell; `secrets` are values, hidden
    wherever they stand, escaped or not; with `all_arguments` no value of a query is shown.
    """

    def __init__(self, names: Iterable[str] = (), secrets: Iterable[str] = (), *, all_arguments: bool = False) -> None:
        self._names = frozenset(name.lower() for name in names)
        known = {secret for secret in secrets if secret}
        self._secrets = sorted(known | {quote(secret, safe="") for secret in known}, key=len, reverse=True)
        self._all_arguments = all_arguments

    def with_names(self, names: Iterable[str]) -> Veil:
        """Return a veil that hides what these names hold as well."""
        veil = Veil({*self._names, *names}, (), all_arguments=self._all_arguments)
        veil._secrets = self._secrets
        return veil

    def hides(self, name: str) -> bool:
        """Tell whether a field or argument of that name holds a credential."""
        words = (word.lower() for word in _PARTS.split(name))
        return name.lower() in self._names or bool(_TELLING.search(name)) or not _WORDS.isdisjoint(words)

    def value(self, name: str, value: str) -> str:
        """Return the value of a field as it may be shown."""
        return MASK if self.hides(name) else self.text(value)

    def received(self, name: str, value: str) -> str:
        """Return the value of a field that the client sent as it may be shown: of ordinary fields alone."""
        return self.value(name, value) if is_ordinary(name) else MASK

    def argument(self, name: str, value: str) -> str:
        """Return the value of an argument of the query as it may be shown."""
        return MASK if self._all_arguments else self.value(name, value)

    def query(self, raw: str) -> str:
        """Return a query as it may be shown."""
        return "&".join(self._pair(pair) for pair in raw.split("&")) if raw else ""

    def text(self, text: str) -> str:
        """Return any text as it may be shown: a sentence, a URL, a path."""
        for secret in self._secrets:
            if text == secret or (len(secret) >= _SHORTEST and secret in text):
                text = text.replace(secret, MASK)
        text = _USERINFO.sub(MASK, _SHAPES.sub(MASK, text))
        text = _PAIR.sub(lambda pair: f"{pair[1]}={MASK}" if self.hides(unquote_plus(pair[1])) else pair[0], text)
        return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."

    def _pair(self, pair: str) -> str:
        name, sign, value = pair.partition("=")
        if not sign:
            # A name alone may be all of a credential.
            return MASK if self._all_arguments else self.text(name)
        shown = self.argument(unquote_plus(name), unquote_plus(value))
        return f"{self.text(name)}={quote(shown, safe='*/:,.')}"
