"""Header fields: an ordered list of name and value, compared by lower-case name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter

RawHeaders = list[tuple[bytes, bytes]]

# RFC 9110 section 5.6.2 (token) and 5.5 (field value without CR, LF and NUL).
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_UNSAFE_VALUE = re.compile(r"[\r\n\0]")
_new = object.__new__


name_of = itemgetter(0)
"""The name of a raw field: `map(name_of, raw)` gives those of all."""


class Headers:
    """The fields of one message, in order, repeats kept (RFC 9110 section 5).

    Names are lower-case, as HTTP/2 wants them and HTTP/1.1 allows them. Text goes in and comes out as `str`, one
    character a byte (ISO 8859-1); `raw` holds the bytes. Every change replaces `raw`, so that copies stay cheap.
    """

    __slots__ = ("raw",)

    def __init__(self, fields: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        pairs = fields.items() if isinstance(fields, Mapping) else fields
        self.raw: RawHeaders = [_encode(name, value) for name, value in pairs]

    @classmethod
    def from_raw(cls, raw: RawHeaders) -> Headers:
        """Return headers that hold `raw` itself; its names must be lower-case already."""
        headers = _new(cls)
        headers.raw = raw
        return headers

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the first value of `name`, or `default` when there is none."""
        key = name.lower().encode("latin-1")
        for field, value in self.raw:
            if field == key:
                return value.decode("latin-1")
        return default

    def get_all(self, name: str) -> list[str]:
        """Return every value of `name` in the order received."""
        key = name.lower().encode("latin-1")
        return [value.decode("latin-1") for field, value in self.raw if field == key]

    def add(self, name: str, value: str) -> None:
        """Append a field and keep those of the same name. Raise ValueError on what HTTP can't carry."""
        self.raw = [*self.raw, _encode(name, value)]

    def remove(self, *names: str) -> None:
        """Drop every field of these names; a name that is not there is no error."""
        keys = {name.lower().encode("latin-1") for name in names}
        self.raw = [field for field in self.raw if field[0] not in keys]

    def copy(self) -> Headers:
        """Return headers that change apart from these."""
        return Headers.from_raw(self.raw)

    def __setitem__(self, name: str, value: str) -> None:
        """Replace every field of that name by one. Raise ValueError on what HTTP can't carry."""
        field = _encode(name, value)
        self.raw = [*(other for other in self.raw if other[0] != field[0]), field]

    def __delitem__(self, name: str) -> None:
        self.remove(name)

    def __contains__(self, name: str) -> bool:
        return name.lower().encode("latin-1") in map(name_of, self.raw)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((name.decode("latin-1"), value.decode("latin-1")) for name, value in self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def __eq__(self, other: object) -> bool:
        return self.raw == other.raw if isinstance(other, Headers) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Name the fields and leave their values out: they may be credentials."""
        return f"Headers({', '.join(name.decode('latin-1') for name, _ in self.raw)})"


def _encode(name: str, value: str) -> tuple[bytes, bytes]:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"header name {name!r} is not an HTTP token: use letters, digits and -")
    if _UNSAFE_VALUE.search(value):
        raise ValueError(f"the value of header {name!r} holds CR, LF or NUL: remove them")
    try:
        return name.lower().encode("latin-1"), value.strip(" \t").encode("latin-1")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"the value of header {name!r} has characters outside ISO 8859-1: encode them first"
        ) from error
