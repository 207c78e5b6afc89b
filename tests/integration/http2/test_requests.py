"""Requests that are malformed: their stream is reset, and their connection goes on (RFC 9113 sections 8.1 to 8.3)."""

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import DataFrame, Frame

from tests.http2_client import Act, Client, Fields, data, head
from tests.listening import Listening

PROTOCOL_ERROR = ErrorCodes.PROTOCOL_ERROR


def without(name: bytes) -> Fields:
    """Return a request without one of its pseudo-headers."""
    return [field for field in head() if field[0] != name]


def twice(name: bytes) -> Fields:
    """Return a request with one of its pseudo-headers twice."""
    return [field for field in head() for _ in range(2 if field[0] == name else 1)]


def field(name: str, value: str = "1") -> Fields:
    """Return a request with one more field."""
    return head(fields=[(name, value)])


MALFORMED: dict[str, Fields] = {
    "a name in capitals": field("X-Capital"),
    "a name with one capital": field("x-capitaL"),
    "a name with a space": field("x name"),
    "a name that begins with a space": field(" x-name"),
    "a name that ends with a space": field("x-name "),
    "a name with a tab": field("x\tname"),
    "a name with NUL": field("x\0name"),
    "a name with CR and LF": field("x\r\ny"),
    "a name that ends with LF": field("x-name\n"),
    "a name with DEL": field("x\x7fname"),
    "a name outside ASCII": field("x-n\xe4me"),
    "a name with a colon": field("x:name"),
    "a name that ends with a colon": field("x-name:"),
    "a name with a parenthesis": field("x(name)"),
    "an empty name": field(""),
    "a value with NUL": field("x-value", "a\0b"),
    "a value with CR": field("x-value", "a\rb"),
    "a value with LF": field("x-value", "a\nb"),
    "a value that ends with CR and LF": field("x-value", "a\r\n"),
    "a value that begins with a space": field("x-value", " a"),
    "a value that ends with a space": field("x-value", "a "),
    "a value that begins with a tab": field("x-value", "\ta"),
    "a value that ends with a tab": field("x-value", "a\t"),
    "a value of one space": field("x-value", " "),
    "connection": field("connection", "close"),
    "keep-alive": field("keep-alive", "timeout=5"),
    "proxy-connection": field("proxy-connection", "keep-alive"),
    "transfer-encoding": field("transfer-encoding", "chunked"),
    "upgrade": field("upgrade", "websocket"),
    "te of gzip": field("te", "gzip"),
    "te of trailers and gzip": field("te", "trailers, gzip"),
    "two te": head(fields=[("te", "trailers"), ("te", "gzip")]),
    "an unknown pseudo-header": [(b":unknown", b"1"), *head()],
    "an empty pseudo-header": [(b":", b"1"), *head()],
    "the pseudo-header of CONNECT": [*head(), (b":protocol", b"websocket")],
    "the pseudo-header of answers": [*head(), (b":status", b"200")],
    "a pseudo-header behind a field": [*without(b":path"), (b"x-field", b"1"), (b":path", b"/")],
    "a pseudo-header in capitals": [(b":METHOD", b"GET"), *without(b":method")],
    "two :method": twice(b":method"),
    "two :scheme": twice(b":scheme"),
    "two :path": twice(b":path"),
    "two :authority": twice(b":authority"),
    "no :method": without(b":method"),
    "no :scheme": without(b":scheme"),
    "no :path": without(b":path"),
    "nothing at all": [],
    "no pseudo-header": [(b"host", b"h.test")],
    "an empty :method": head(method=""),
    "an empty :scheme": head(scheme=""),
    "an empty :path": head(""),
    "a :scheme nobody serves": head(scheme="ftp"),
    "a :path without slash": head("path"),
    "a :path of an asterisk": head("*"),
    "a :path that is a URL": head("http://h.test/"),
    "a :path with a space": head("/a b"),
    "a :path with a fragment": head("/a#b"),
    "CONNECT": [(b":method", b"CONNECT"), (b":authority", b"h.test:443")],
    "CONNECT with all the others": head(method="CONNECT"),
    "CONNECT as of RFC 8441": [*head(method="CONNECT"), (b":protocol", b"websocket")],
    "a host that differs": field("host", "other.test"),
    "an empty host": field("host", ""),
    "two hosts of which one differs": head(fields=[("host", "h.test"), ("host", "other.test")]),
    "two hosts without :authority": head(authority=None, fields=[("host", "h.test"), ("host", "other.test")]),
    "a host twice without :authority": head(authority=None, fields=[("host", "h.test"), ("host", "h.test")]),
    "no authority": without(b":authority"),
    "an empty :authority": head(authority=""),
    "an empty host alone": head(authority=None, fields=[("host", "")]),
    "a body that was announced and is not there": field("content-length", "1"),
    "a content-length that is no number": field("content-length", "one"),
    "a content-length with a sign": field("content-length", "+0"),
    "a negative content-length": field("content-length", "-1"),
    "an empty content-length": field("content-length", ""),
    "a content-length of hexadecimals": field("content-length", "0x0"),
    "a content-length that is a list": field("content-length", "0, 0"),
    "a content-length beyond all measure": field("content-length", "9" * 30),
    "two lengths": head(fields=[("content-length", "0"), ("content-length", "1")]),
    "a length twice": head(fields=[("content-length", "0"), ("content-length", "0")]),
}


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_request_resets_its_stream_alone(server: Listening, client: Client, fields: Fields) -> None:
    client.send(client.headers(1, fields))
    assert await client.reset_of(1) is PROTOCOL_ERROR
    assert (await client.get(3)).status == 200
    assert server.application.paths == ["/"]


@pytest.mark.parametrize("fields", [field("X-Capital"), without(b":path"), field("content-length", "x")])
async def test_a_malformed_request_with_a_body_resets_its_stream_alone(client: Client, fields: Fields) -> None:
    client.send(client.headers(1, fields, end=False), data(1, b"x" * 100), data(1, b"x" * 100, end=True))
    assert (await client.get(3)).status == 200
    assert client.answers[1].reset in (PROTOCOL_ERROR, ErrorCodes.STREAM_CLOSED)


FINE: dict[str, Fields] = {
    "te of trailers": field("te", "trailers"),
    "te of trailers in capitals": field("te", "Trailers"),
    "an empty value": field("x-value", ""),
    "a value of punctuation": field("x-value", 'a, (b) "c"; d=[e]\tf'),
    "a host that is the same": field("host", "h.test"),
    "a host alone": head(authority=None, fields=[("host", "h.test")]),
    "a method nobody knows": head(method="BREW"),
    "a length of nothing": field("content-length", "0"),
    "an authority with a port": head(authority="h.test:8080"),
    "a name of all that a name may hold": field("!#$%&'*+-.^_`|~09az"),
}


@pytest.mark.parametrize("fields", FINE.values(), ids=FINE)
async def test_what_only_looks_malformed_is_served(client: Client, fields: Fields) -> None:
    assert (await client.get(1, fields)).status == 200


BAD: dict[str, Fields] = {
    "a value outside ASCII": field("x-value", "\xe4"),
    "a value with a control": field("x-value", "a\x01b"),
    "a value with DEL": field("x-value", "a\x7fb"),
    "a method that is no token": head(method="G(T"),
    "a :path outside ASCII": head("/\xe4"),
    "a :path with a control": head("/a\x01b"),
    "a :path with NUL": head("/a\0b"),
    "a :path with CR and LF": head("/a\r\nx:y"),
    "an asterisk for OPTIONS": head("*", method="OPTIONS"),
    "a :path with a broken escape": head("/%zz"),
    "an :authority with a user": head(authority="user@h.test"),
    "an :authority with a space": head(authority="h test"),
    "an :authority with CR and LF": head(authority="h.test\r\nx: y"),
    "an :authority with a path": head(authority="h.test/path"),
    "two hosts in one": head(authority=None, fields=[("host", "h.test, other.test")]),
}


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD)
async def test_what_is_well_formed_and_can_not_be_understood_is_400(
    server: Listening, client: Client, fields: Fields
) -> None:
    answer = await client.get(1, fields)
    assert (answer.status, b'"code":"bad_request"' in answer.body) == (400, True)
    assert server.application.paths == []


def body(length: str | None, *frames: bytes, padding: int | None = None) -> Act:
    """Return what sends a request with a body in frames, and with a content-length unless that is None."""

    def act(client: Client) -> list[Frame | bytes]:
        fields = [] if length is None else [("content-length", length)]
        *others, last = frames
        return [
            client.headers(1, head(method="POST", fields=fields), end=False),
            *[data(1, block, padding=padding) for block in others],
            data(1, last, end=True, padding=padding),
        ]

    return act


WRONG_LENGTHS: dict[str, Act] = {
    "shorter": body("5", b"body"),
    "longer": body("3", b"body"),
    "shorter in frames": body("9", b"body", b"body"),
    "longer in frames": body("7", b"body", b"body"),
    "longer by a frame": body("4", b"body", b"b"),
    "empty": body("1", b""),
    "nothing declared": body("0", b"b"),
    "shorter but for its padding": body("8", b"body", padding=4),
    "longer by one, in many frames": body("99", *[b"x"] * 100),
}


@pytest.mark.parametrize("act", WRONG_LENGTHS.values(), ids=WRONG_LENGTHS)
async def test_a_body_that_is_not_as_long_as_declared_resets_its_stream(client: Client, act: Act) -> None:
    client.send(*act(client))
    assert await client.reset_of(1) in (PROTOCOL_ERROR, ErrorCodes.STREAM_CLOSED)
    assert (await client.get(3)).status == 200


async def test_a_body_that_is_too_long_resets_its_stream_with_protocol_error(client: Client) -> None:
    client.send(*body("3", b"body")(client))
    assert await client.reset_of(1) is PROTOCOL_ERROR


RIGHT_LENGTHS: dict[str, Act] = {
    "one frame": body("4", b"body"),
    "frames": body("8", b"body", b"body"),
    "an empty last frame": body("4", b"body", b""),
    "empty frames": body("4", b"", b"bo", b"", b"dy", b""),
    "padding": body("8", b"body", b"body", padding=7),
    "no length": body(None, b"body", b"body"),
    "no body": body("0", b""),
    "no body and no length": body(None, b""),
}


@pytest.mark.parametrize("act", RIGHT_LENGTHS.values(), ids=RIGHT_LENGTHS)
async def test_a_body_that_is_as_long_as_declared_arrives(client: Client, act: Act) -> None:
    frames = act(client)
    client.send(*frames)
    assert (await client.answer()).body == b"".join(frame.data for frame in frames if isinstance(frame, DataFrame))


TRAILERS: dict[str, Fields] = {
    "a pseudo-header": [(b":path", b"/")],
    "the pseudo-header of answers": [(b":status", b"200")],
    "a pseudo-header behind a field": [(b"x-trailer", b"1"), (b":method", b"GET")],
    "a name in capitals": [(b"X-Trailer", b"1")],
    "a value with NUL": [(b"x-trailer", b"\0")],
    "a field of the connection": [(b"connection", b"close")],
}


@pytest.mark.parametrize("fields", TRAILERS.values(), ids=TRAILERS)
async def test_malformed_trailers_reset_their_stream(client: Client, fields: Fields) -> None:
    client.send(client.headers(1, head(method="POST"), end=False), data(1, b"body"), client.headers(1, fields))
    assert await client.reset_of(1) is PROTOCOL_ERROR
    assert (await client.get(3)).status == 200


@pytest.mark.parametrize("fields", [[(b"x-trailer", b"1")], []])
async def test_trailers_are_taken(client: Client, fields: Fields) -> None:
    client.send(client.headers(1, head(method="POST"), end=False), data(1, b"body"), client.headers(1, fields))
    assert (await client.answer()).body == b"body"


async def test_trailers_end_a_body_that_is_too_short(client: Client) -> None:
    declared = head(method="POST", fields=[("content-length", "5")])
    client.send(client.headers(1, declared, end=False), data(1, b"body"), client.headers(1, [(b"x", b"1")]))
    assert await client.reset_of(1) is PROTOCOL_ERROR
    assert (await client.get(3)).status == 200


@pytest.mark.parametrize("fields", [[(b"x-trailer", b"1")], head()])
async def test_second_headers_that_end_nothing_reset_their_stream(client: Client, fields: Fields) -> None:
    client.send(client.headers(1, head(method="POST"), end=False), client.headers(1, fields, end=False))
    assert await client.reset_of(1) is PROTOCOL_ERROR
    assert (await client.get(3)).status == 200


async def test_a_client_that_sends_malformed_requests_keeps_its_table(server: Listening, client: Client) -> None:
    client.send(client.headers(1, [*head(), (b"x-kept", b"kept"), (b"X-Bad", b"1")]))
    await client.reset_of(1)
    assert (await client.get(3, [*head(), (b"x-kept", b"kept")])).status == 200
    assert server.application.requests[0].headers.get("x-kept") == "kept"
