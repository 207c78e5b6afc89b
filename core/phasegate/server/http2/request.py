"""A header block of HTTP/2 as a request, or why it is none (RFC 9113 sections 8.2 and 8.3)."""

from __future__ import annotations

import re
from typing import NamedTuple

from ...errors import BadRequest, RequestError
from ...http.cookies import joined_crumbs
from ...http.hygiene import ExplanationAsked
from ..incoming import Head, head_of
from .codec import Block, Fields

# RFC 9110 section 5.6.2 (token) without capitals, and RFC 9113 section 8.2.1 for values; each text stands on its own line.
_NAMES = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9a-z]+\n)*")
_VALUES = re.compile(rb"(?:(?:[^\0\r\n \t](?:[^\0\r\n]*[^\0\r\n \t])?)?\n)*")
_PSEUDO = frozenset({b":method", b":scheme", b":authority", b":path"})
_CONNECTION = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"})
_SCHEMES = (b"http", b"https")


class MalformedBlock(Exception):
    """The block is no request: the stream is reset with PROTOCOL_ERROR (RFC 9113 section 8.1.1)."""


class Opening(NamedTuple):
    """What the block that opens a stream says."""

    head: Head | RequestError
    """The request's head, or why there is none that anybody could act on, or by what it asks to be explained."""
    method: str
    target: bytes
    size: int
    """All fields together, without the allowance for each that SETTINGS_MAX_HEADER_LIST_SIZE makes."""
    field_count: int
    length: int | None
    expects_continue: bool


def opening_of(block: Block) -> Opening:
    """Return what a request's header block says. Raise MalformedBlock for one that is malformed."""
    if not isinstance(block.meaning, Opening):
        block.meaning = _opening_of(block.fields)
    return block.meaning


def _opening_of(block: Fields) -> Opening:
    pseudo, fields = _split(block)
    _judge_fields(fields)
    method, path, scheme = pseudo.get(b":method"), pseudo.get(b":path"), pseudo.get(b":scheme")
    if method == b"CONNECT":
        raise MalformedBlock("CONNECT asks for a tunnel, and none is dug here")
    if not method or not path or scheme not in _SCHEMES:
        raise MalformedBlock("one of :method, :path and :scheme is missing or empty")
    if path[:1] != b"/" and not (path == b"*" and method == b"OPTIONS"):
        raise MalformedBlock("the :path does not begin with a slash")
    if b" " in path or b"#" in path:
        raise MalformedBlock("the :path holds a space or a fragment")
    length: int | None = None
    expects_continue = False
    for name, value in fields:
        if name == b"content-length":
            length = _length(value, length)
        elif name == b"expect":
            expects_continue = value.lower() == b"100-continue"
    fields = joined_crumbs(_with_one_host(pseudo.get(b":authority"), fields))
    text = method.decode("latin-1")
    return Opening(_head_of(text, path, fields), text, path, size_of(block), len(fields), length, expects_continue)


def _with_one_host(authority: bytes | None, fields: Fields) -> Fields:
    """Return the fields with the one host that the request names, which must be there (RFC 9110 section 4.2.1)."""
    hosts = [value for name, value in fields if name == b"host"]
    if authority is None and len(hosts) == 1:
        authority = hosts[0]
    if not authority:
        raise MalformedBlock("there is no :authority and no host, or an empty one, or more than one")
    if any(host != authority for host in hosts):
        raise MalformedBlock("host differs from :authority")
    return [(b"host", authority), *(field for field in fields if field[0] != b"host")]


def _head_of(method: str, path: bytes, fields: Fields) -> Head | RequestError:
    try:
        return head_of(method, path, fields)
    except (BadRequest, ExplanationAsked) as error:
        return error


def judge_trailers(block: Fields, *, ending: bool = True) -> None:
    """Raise MalformedBlock for trailers that can't be; those that are not `ending` their stream are none."""
    if not ending:
        raise MalformedBlock("there are two heads, of which the second ends nothing")
    pseudo, fields = _split(block)
    if pseudo:
        raise MalformedBlock("trailers hold a pseudo-header")
    _judge_fields(fields)


def size_of(block: Fields) -> int:
    """Return the size of all names and values together."""
    return sum(len(name) + len(value) for name, value in block)


def _split(block: Fields) -> tuple[dict[bytes, bytes], Fields]:
    pseudo: dict[bytes, bytes] = {}
    for place, (name, value) in enumerate(block):
        if name[:1] != b":":
            return pseudo, block[place:]
        if name not in _PSEUDO or name in pseudo:
            raise MalformedBlock(f"the pseudo-header {name!r} has no place here, or stands there twice")
        pseudo[name] = value
    return pseudo, []


def _judge_fields(fields: Fields) -> None:
    names = [name for name, _ in fields]
    # A line feed inside would make one more line of it, so that the lines are counted too.
    joined = b"\n".join([*names, b""])
    if _NAMES.fullmatch(joined) is None or joined.count(b"\n") != len(names):
        raise MalformedBlock("a field's name is no lower-case token")
    values = [value for _, value in fields]
    joined = b"\n".join([*values, b""])
    if joined.count(b"\n") != len(values) or _VALUES.fullmatch(joined) is None:
        raise MalformedBlock("a field's value holds NUL, CR or LF, or begins or ends with a space")
    if not _CONNECTION.isdisjoint(names):
        raise MalformedBlock("a field speaks of the connection")
    if b"te" in names and any(name == b"te" and value.lower() != b"trailers" for name, value in fields):
        raise MalformedBlock("te asks for more than trailers")


def _length(value: bytes, other: int | None) -> int:
    if not value.isdigit() or len(value) > 19:
        raise MalformedBlock("the content-length is no length")
    if other is not None:
        raise MalformedBlock("the content-length stands there twice")
    return int(value)
