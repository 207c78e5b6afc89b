"""The request that a function gets, while a vendor's plugin may still shape it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..http.body import Body
from ..http.headers import RawHeaders, name_of


# Not by keyword alone: to make one costs half as much without names, and each call makes one.
@dataclass(slots=True)
class FunctionRequest:
    """A request on its way to a function. What stands here when it is sent is what goes on the wire.

    `headers` leave out `host` and `content-length`, which follow from the other fields; `body` is held whole.
    """

    method: str
    host: str
    path: str
    query: str
    headers: RawHeaders = field(repr=False)
    body: Body

    @property
    def target(self) -> str:
        """Path and query as they are sent."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def get(self, name: bytes) -> bytes | None:
        """Return the first value of a field, by its lower-case name."""
        return next((value for field_name, value in self.headers if field_name == name), None)

    def set(self, name: bytes, value: bytes) -> None:
        """Replace every field of that lower-case name by one."""
        if name in map(name_of, self.headers):
            self.remove(name)
        self.headers.append((name, value))

    def remove(self, *names: bytes) -> None:
        """Drop the fields of these lower-case names."""
        self.headers = [field for field in self.headers if field[0] not in names]
