"""Which header fields may pass a gateway, and which it writes itself."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache

from ..errors import RequestError
from .address import Network, is_within, parse_address
from .headers import Headers, RawHeaders, name_of
from .message import Request

# RFC 9110 section 7.6.1 and RFC 9112: they speak of one connection and never pass.
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

EXPLAIN = b"x-phasegate-explain"
# Who the gateway says the caller is, and the header that asks for an explanation: a client's own copy of any of them is
# taken out of every request before any phase.
IDENTITY = frozenset(
    {
        b"x-consumer-username",
        b"x-consumer-custom-id",
        b"x-consumer-id",
        b"x-consumer-groups",
        b"x-credential-identifier",
        b"x-anonymous-consumer",
        EXPLAIN,
    }
)

# What frames and addresses a message; whoever sends it writes these anew.
_FRAMING = frozenset({b"host", b"content-length", b"expect"})
_CONNECTION_ALONE = frozenset({b"connection"})
ORDINARY_CONNECTION = frozenset({b"keep-alive", b"close", b"Keep-Alive", b"Close"})
"""Values of `Connection` that name no field."""
_TRAILERS = (b"te", b"trailers")
_ID = b"x-request-id"
_SUSPECT = HOP_BY_HOP | IDENTITY
_FORWARDING = (b"x-forwarded-", b"forwarded", b"x-real-ip")
_TOKEN_BYTES = range(32, 129)
# How many names are remembered, and up to which length.
_REMEMBERED, _REMEMBERED_BYTES = 1024, 64
_OWN_FORWARDING = frozenset(
    {b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port", b"via"}
)


class ExplanationAsked(RequestError):
    """No failure: a request asks to be explained, by this token. `fields` are its own without that one.

    It stands where a listener says why it refuses a request. Who can't explain goes on as if it were not there.
    """

    def __init__(self, token: bytes, fields: RawHeaders) -> None:
        super().__init__("an explanation is asked for")
        self.token = token
        self.fields = fields


def refusal(refused: RequestError | None) -> RequestError | None:
    """Return why a request is refused, None where it is none of that and asks to be explained."""
    return None if isinstance(refused, ExplanationAsked) else refused


def received_fields(raw: RawHeaders) -> RawHeaders:
    """Return what of a request's fields anybody behind the listener gets to see.

    Left out are those of the connection with all that `Connection` names, so that a client can't have later fields taken
    out; those that only the gateway may write; and underscore spellings of either kind and of forwarding and framing
    fields, which upstreams may read as the real ones. Of `te` only `trailers` passes (RFC 9110 section 10.1.4).

    Raise ExplanationAsked for a request that asks to be explained; it is to be taken in without that field.
    """
    if _SUSPECT.isdisjoint(map(name_of, raw)) and b"_" not in b"".join(map(name_of, raw)):
        return raw
    fields = [
        field
        for field in without_hop_by_hop(raw)
        if (field[0] not in IDENTITY or _is_kept(field, raw)) and not _is_lookalike(field[0])
    ]
    if any(name == b"te" and b"trailers" in value for name, value in raw):
        fields.append((b"te", b"trailers"))
    return fields


def _is_kept(field: tuple[bytes, bytes], raw: RawHeaders) -> bool:
    """Return False for a field that only the gateway may write. Raise ExplanationAsked where it may hold a token."""
    name, value = field
    if name == EXPLAIN and len(value) in _TOKEN_BYTES and [*map(name_of, raw)].count(EXPLAIN) == 1:
        raise ExplanationAsked(value, [field for field in raw if field[0] != EXPLAIN])
    return False


def _is_lookalike(name: bytes) -> bool:
    if b"_" not in name:
        return False
    plain = name.replace(b"_", b"-")
    return plain in IDENTITY or plain in HOP_BY_HOP or plain in _FRAMING or plain.startswith((*_FORWARDING, b"via"))


def without_hop_by_hop(raw: RawHeaders) -> RawHeaders:
    """Return the fields that go from end to end: none of this connection's, none that `Connection` names.

    It can't name those that frame, address or forward a message, which are meant for everybody on the way (RFC 9110
    section 7.6.1): a client could hide from an upstream where it comes from.
    """
    names = [*map(name_of, raw)]
    found = HOP_BY_HOP.intersection(names)
    if not found:
        return raw
    if found == _CONNECTION_ALONE and names.count(b"connection") == 1:
        # What most messages have: one field, which says to keep the connection.
        place = names.index(b"connection")
        if raw[place][1] in ORDINARY_CONNECTION:
            return raw[:place] + raw[place + 1 :]
    named = _named_by_connection(raw) if b"connection" in found else ()
    return [field for field in raw if field[0] not in HOP_BY_HOP and field[0] not in named]


def _named_by_connection(raw: RawHeaders) -> Collection[bytes]:
    values = b",".join([value for name, value in raw if name == b"connection"]).lower()
    named = {token.strip() for token in values.split(b",")} - _FRAMING
    return {name for name in named if name and name != b"via" and not name.startswith(_FORWARDING)}


def end_to_end_request(request: Request) -> RawHeaders:
    """Return the fields of a request that an upstream gets, with `X-Forwarded-*` and `Via`, as a list of its own.

    `host`, `content-length` and `expect` are left out, since whoever sends the request writes them anew.
    """
    known = request.passing
    if known is None:
        return _passing(request)
    raw = request.headers.raw
    held = raw[1:]
    by = (
        request.peer,
        request.scheme,
        request.server_port,
        request.port,
        request.http_version,
        request.peer_trusted,
        request.host,
    )
    if held == known.held and by == known.by and raw and raw[0][0] == _ID:
        return [raw[0], *known.fields]
    fields = _passing(request)
    if known.is_new:
        known.is_new = False
        if raw and raw[0][0] == _ID and _may_be_kept(held, known.said):
            known.learn(held, by, fields[1:])
    return fields


def _may_be_kept(held: RawHeaders, said: RawHeaders) -> bool:
    """Tell whether a request holds nothing but what the client said, and who we say it is.

    Whatever else plugins add may be a secret, and is kept no longer than its request.
    """
    return all(field[0] in IDENTITY or field in said for field in held)


def _passing(request: Request) -> RawHeaders:
    is_first = not request.peer_trusted
    passes = _PASSES if is_first else _PASSES_TRUSTED
    fields: RawHeaders = []
    host, takes_trailers = b"", False
    for field in request.headers.raw:
        name = field[0]
        if passes[name]:
            fields.append(field)
        elif name == b"host":
            host = field[1]
        elif name == b"via":
            is_first = False
        elif field == _TRAILERS:
            takes_trailers = True
    if takes_trailers:
        fields.append(_TRAILERS)
    if not is_first:
        return fields + _forwarding(request)
    port = request.server_port or request.port
    fields += _first_forwarding(request.peer, request.scheme, host, port, request.http_version)
    return fields


class _Verdicts(dict[bytes, bool]):
    """Which names pass. Only some and short ones are remembered: clients make names up, of any length."""

    def __init__(self, judge: Callable[[bytes], bool]) -> None:
        super().__init__()
        self._judge = judge

    def __missing__(self, name: bytes) -> bool:
        verdict = self._judge(name)
        if len(name) <= _REMEMBERED_BYTES:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[name] = verdict
        return verdict


def _passes(name: bytes) -> bool:
    """Tell whether a field goes on that a client sent for whom nobody vouches."""
    return _passes_trusted(name) and not name.startswith(_FORWARDING)


def _passes_trusted(name: bytes) -> bool:
    return name not in HOP_BY_HOP and name not in _FRAMING and name not in _OWN_FORWARDING


_PASSES, _PASSES_TRUSTED = _Verdicts(_passes), _Verdicts(_passes_trusted)


@lru_cache(maxsize=4096)
def _first_forwarding(
    peer: str, scheme: str, host: bytes, port: int | None, version: str
) -> tuple[tuple[bytes, bytes], ...]:
    """Return the fields that tell the upstream of a client that nobody stands before."""
    via = [f"{version} phasegate"]
    return tuple(_fields_of([peer], scheme, host.decode("latin-1"), _port_of(scheme, port), via))


def _forwarding(request: Request) -> RawHeaders:
    """Return the fields that tell the upstream of the client; a trusted proxy's own words are kept."""
    headers = request.headers
    believed = headers if request.peer_trusted else Headers()
    return _fields_of(
        [*believed.get_all("x-forwarded-for"), request.peer],
        believed.get("x-forwarded-proto") or request.scheme,
        believed.get("x-forwarded-host") or headers.get("host") or request.host,
        believed.get("x-forwarded-port") or _port_of(request.scheme, request.server_port or request.port),
        [*headers.get_all("via"), f"{request.http_version} phasegate"],
    )


def _fields_of(chain: list[str], scheme: str, host: str, port: str, via: list[str]) -> RawHeaders:
    values = {
        "x-forwarded-for": ", ".join(chain),
        "x-forwarded-proto": scheme,
        "x-forwarded-host": host,
        "x-forwarded-port": port,
        "via": ", ".join(via),
    }
    return Headers({name: value for name, value in values.items() if value}).raw


def _port_of(scheme: str, port: int | None) -> str:
    return str(port or (443 if scheme == "https" else 80))


def client_address(headers: Headers, peer: str, trusted: tuple[Network, ...]) -> tuple[str, bool]:
    """Return the address that a request comes from, and whether its peer is a trusted proxy.

    Behind trusted proxies it is the last address of `X-Forwarded-For` that is none of theirs; one that forwards something
    that is no address is taken for the client itself.
    """
    if not is_within(peer, trusted):
        return peer, False
    address = peer
    hops = ",".join(headers.get_all("x-forwarded-for")).split(",")
    for hop in reversed(hops):
        found = parse_address(hop.strip())
        if found is None:
            break
        address = found
        if not is_within(address, trusted):
            break
    return address, True
