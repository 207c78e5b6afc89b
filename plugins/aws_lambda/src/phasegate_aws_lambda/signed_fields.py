"""Which of a request's fields a signature is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from .canonical import Fields

# The fields that a signature takes itself.
_OWN = frozenset({b"authorization", b"x-amz-content-sha256", b"x-amz-date", b"x-amz-security-token"})

# Fields that hops rewrite or drop, so that a signature over them would break (botocore leaves out the same, but for those
# that only a gateway adds).
NEVER_SIGNED = frozenset(
    {
        b"accept-encoding",
        b"connection",
        b"expect",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"user-agent",
        b"via",
        b"x-amzn-trace-id",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-proto",
    }
)


class Choice(NamedTuple):
    """Which fields are signed, in the order of their names, and the list of these: None where one is there twice."""

    of: Callable[[Fields], Sequence[tuple[bytes, bytes]]]
    names: str | None


@lru_cache(maxsize=256)
def choice_of(names: tuple[bytes, ...], extra: frozenset[bytes]) -> Choice:
    """Choose among fields, of whose names the first is `host`: clients send ever the same ones."""
    places = [place for place, name in enumerate(names) if _is_always_signed(name) or name in extra]
    places.sort(key=names.__getitem__)
    chosen = [names[place] for place in places]
    listed = b";".join(chosen).decode("latin-1") if len(set(chosen)) == len(chosen) else None
    return Choice(itemgetter(*places) if len(places) > 1 else itemgetter(slice(0, 1)), listed)


@lru_cache(maxsize=256)
def content_type_place(names: tuple[bytes, ...], extra: frozenset[bytes]) -> int | None:
    """Tell where `content-type` is among a request's fields, -1 where it is not; None where there is another one to sign, or
    one of a signature's own.
    """
    signed = [name for name in names if name in _OWN or name in extra or _is_always_signed(name)]
    if not signed:
        return -1
    return names.index(signed[0]) if signed == [b"content-type"] else None


@lru_cache(maxsize=256)
def look_at(names: tuple[bytes, ...], extra: frozenset[bytes]) -> tuple[bool, int | None]:
    """Tell whether none of a request's fields is a credential, names a trace, or is AWS's own; and the place of the content
    type, if that is so.
    """
    ordinary = not any(name in (b"x-api-key", b"traceparent") or is_aws(name) for name in names)
    return ordinary, content_type_place(names, extra) if ordinary else None


def is_aws(name: bytes) -> bool:
    """Tell whether a field is for AWS itself; `x-amzn-trace-id` grants nothing."""
    return name == b"authorization" or (name.startswith((b"x-amz-", b"x-amzn-")) and name != b"x-amzn-trace-id")


def _is_always_signed(name: bytes) -> bool:
    if name in NEVER_SIGNED:
        return False
    return name in (b"host", b"content-type") or name.startswith(b"x-amz-")
