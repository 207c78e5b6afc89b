"""HPACK as h2 uses it here: a decoder that keeps what it decoded, and an encoder without a memory."""

from __future__ import annotations

from collections.abc import Iterable

from hpack import Decoder
from hpack.table import HeaderTable

Fields = list[tuple[bytes, bytes]]

_MOST_KNOWN = 16
_LONGEST_KNOWN_BYTES = 512
_SENSITIVE = frozenset({b"authorization", b"cookie", b"proxy-authorization", b"set-cookie"})
# RFC 7541 section 6.2: literals without indexing, never indexed, and the update that makes the dynamic table empty.
_LITERAL, _NEVER_INDEXED, _EMPTY_TABLE = 0x00, 0x10, b"\x20"


class KeepingDecoder(Decoder):
    """Decodes header blocks for h2, and keeps what they hold in `block` for us.

    h2 is told of none of the fields: it would end the whole connection over one that makes a single request malformed.
    Clients repeat themselves: a block of the same bytes that leaves the dynamic table alone is decoded once, as long as
    the table does not change.
    """

    def __init__(self, most_bytes: int) -> None:
        super().__init__(max_header_list_size=most_bytes)
        self.header_table = self._table = _CountingTable()
        self.block = Block([])
        self._known: dict[bytes, Block] = {}
        self._known_at = 0

    def decode(self, data: bytes, raw: bool = False) -> list[tuple[bytes, bytes]]:  # type: ignore[override] # noqa: FBT001, FBT002
        """Decode a block, raising hpack's errors, and return nothing of it."""
        data = bytes(data)
        changes = self._table.changes
        known = self._known.get(data) if self._known_at == changes else None
        if known is None:
            # hpack's own tuples know more than is needed.
            known = Block([(name, value) for name, value in super().decode(data, raw=True)])
            if self._table.changes == changes:
                self._remember(data, known)
        self.block = known
        return []

    @property
    def header_table_size(self) -> int:
        """How large the dynamic table may grow, in bytes (RFC 7541 section 4.1); a client changes it."""
        return self._table.maxsize

    @header_table_size.setter
    def header_table_size(self, value: int) -> None:
        self._table.changes += 1
        self._table.maxsize = value

    def _remember(self, data: bytes, block: Block) -> None:
        if self._known_at != self._table.changes or len(self._known) >= _MOST_KNOWN:
            self._known.clear()
            self._known_at = self._table.changes
        if len(data) <= _LONGEST_KNOWN_BYTES:
            self._known[data] = block


class Block:
    """The fields of a decoded block; they are never changed in place."""

    __slots__ = ("fields", "meaning")

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.meaning: object = None
        """What was made of them, by whoever made it."""


class _CountingTable(HeaderTable):
    """A dynamic table that counts what is added to it."""

    def __init__(self) -> None:
        self.changes = 0
        super().__init__()

    def add(self, name: bytes, value: bytes) -> None:
        self.changes += 1
        super().add(name, value)


class PlainEncoder:
    """Encodes fields one by one, by the static table and as literals, as nginx does.

    Without a dynamic table nothing of an answer can be guessed by the length of another, and no field costs a search.
    """

    def __init__(self) -> None:
        self.header_table_size = 4096
        """What the client allows; h2 sets it, and none of it is used."""
        self._prefix = _EMPTY_TABLE

    def encode(self, headers: Iterable[tuple[bytes, bytes]], huffman: bool = False) -> bytes:  # noqa: FBT001, FBT002
        """Return the header block of lower-case fields."""
        parts, self._prefix = [self._prefix], b""
        for name, value in headers:
            size = len(value)
            if name == b":status" and value in _STATUSES:
                parts.append(_STATUSES[value])
            elif size < 127:
                parts.append((_NAMES.get(name) or _name_literal(name)) + _SIZES[size] + value)
            else:
                parts.append((_NAMES.get(name) or _name_literal(name)) + _integer(size, 7, 0) + value)
        return b"".join(parts)


def _name_literal(name: bytes) -> bytes:
    kind = _NEVER_INDEXED if name in _SENSITIVE else _LITERAL
    return bytes([kind]) + _integer(len(name), 7, 0) + name


def _integer(value: int, bits: int, first: int) -> bytes:
    """Return an integer with a prefix of so many bits (RFC 7541 section 5.1)."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    encoded = bytearray([first | most])
    value -= most
    while value >= 128:
        encoded.append(value % 128 + 128)
        value //= 128
    encoded.append(value)
    return bytes(encoded)


def _static() -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    """Return how statuses are encoded that stand in the static table, and how names begin that do."""
    statuses: dict[bytes, bytes] = {}
    names: dict[bytes, bytes] = {}
    for index, (name, value) in enumerate(HeaderTable.STATIC_TABLE, 1):
        if name == b":status":
            statuses[value] = _integer(index, 7, 0x80)
        kind = _NEVER_INDEXED if name in _SENSITIVE else _LITERAL
        names.setdefault(name, _integer(index, 4, kind))
    return statuses, names


_STATUSES, _NAMES = _static()
_SIZES = [bytes([size]) for size in range(127)]
