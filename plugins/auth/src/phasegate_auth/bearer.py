"""Tokens in a request: where they stand, and taking them out."""

from __future__ import annotations

from dataclasses import dataclass

from phasegate import Request

from . import cookies
from .token import TokenError


@dataclass(frozen=True, slots=True)
class Places:
    """Where a token may stand. A header beats the query, which beats a cookie; an empty name is no place.

    With `bare` the header may hold a token without a scheme before it.
    """

    header: str
    query: str = ""
    cookie: str = ""
    bare: bool = True

    def token(self, request: Request) -> str | None:
        """Return the token of the first place that has anything. Raise TokenError for several there: none of them counts."""
        found = [token for value in request.headers.get_all(self.header) for token in self._from_header(value)]
        if not found and self.query and request.query:
            found = request.query.get_all(self.query)
        if not found and self.cookie:
            found = cookies.values(request.headers, self.cookie)
        if len(found) > 1:
            raise TokenError(f"{len(found)} tokens in one place")
        return found[0] if found else None

    def hide(self, request: Request) -> None:
        """Take every token out of the request, wherever it may stand; credentials of other schemes stay."""
        headers, name = request.headers, self.header.lower().encode("ascii")
        headers.raw = [
            field for field in headers.raw if field[0] != name or not self._from_header(field[1].decode("latin-1"))
        ]
        if self.query and self.query in request.query:
            request.query = request.query.without(self.query)
        if self.cookie and cookies.values(headers, self.cookie):
            cookies.remove(headers, self.cookie)

    def _from_header(self, value: str) -> list[str]:
        """Return the token of a field: what follows `Bearer`, or all of it where no scheme has to stand before it."""
        scheme, space, token = value.partition(" ")
        if scheme.lower() == "bearer":
            return [token.strip(" ")]
        return [value] if self.bare and not space else []
