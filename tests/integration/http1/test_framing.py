"""What two readers could take differently is refused, and nothing behind it is ever taken for a request (RFC 9112)."""

import pytest

from phasegate.server.serving import Protocol
from tests.integration.http1.conftest import Connect, Listen

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
HOST = b"Host: h"
CHUNKED = b"Transfer-Encoding: chunked"


def message(*fields: bytes, line: bytes = b"POST /first HTTP/1.1", body: bytes = b"") -> bytes:
    return b"\r\n".join([line, *fields, b"", b""]) + body


def of_length(value: bytes) -> bytes:
    return message(HOST, b"Content-Length: " + value, body=b"abc")


def coded(*values: bytes) -> bytes:
    return message(HOST, *(b"Transfer-Encoding:" + value for value in values), body=b"0\r\n\r\n")


def with_value(value: bytes) -> bytes:
    return message(HOST, b"X: a" + value + b"b")


def with_name(name: bytes) -> bytes:
    return message(HOST, name + b": b")


def to(host: bytes) -> bytes:
    return message(b"Host: " + host, line=b"GET /first HTTP/1.1")


def begun(line: bytes) -> bytes:
    return message(HOST, line=line)


LENGTHS = {
    "beside chunks": message(HOST, b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n"),
    "behind chunks": message(HOST, CHUNKED, b"Content-Length: 5", body=b"0\r\n\r\n"),
    "zero beside chunks": message(HOST, b"Content-Length: 0", CHUNKED, body=b"0\r\n\r\n"),
    "twice": message(HOST, b"Content-Length: 3", b"Content-Length: 3", body=b"abc"),
    "differing": message(HOST, b"Content-Length: 3", b"Content-Length: 0", body=b"abc"),
    "zero first": message(HOST, b"Content-Length: 0", b"Content-Length: 3", body=b"abc"),
    "plus": of_length(b"+3"),
    "minus": of_length(b"-3"),
    "hexadecimal": of_length(b"0x3"),
    "list": of_length(b"3,3"),
    "list of differing": of_length(b"3, 4"),
    "empty": of_length(b""),
    "blank": of_length(b"  "),
    "two words": of_length(b"3 3"),
    "underscore": of_length(b"1_0"),
    "fraction": of_length(b"3.0"),
    "semicolon": of_length(b"3;"),
    "superscript": of_length(b"\xb2"),
    "2^64": of_length(b"18446744073709551616"),
    "2^64-1": of_length(b"18446744073709551615"),
    "2^64+3": of_length(b"18446744073709551619"),
    "thirty digits": of_length(b"0" * 29 + b"3"),
    "a form feed behind": of_length(b"3\x0c"),
}
CODINGS = {
    "in HTTP/1.0": message(HOST, CHUNKED, line=b"POST /first HTTP/1.0", body=b"0\r\n\r\n"),
    "in HTTP/1.0 kept alive": message(
        HOST, CHUNKED, b"Connection: keep-alive", line=b"POST /first HTTP/1.0", body=b"0\r\n\r\n"
    ),
    "gzip first": coded(b" gzip, chunked"),
    "gzip last": coded(b" chunked, gzip"),
    "gzip alone": coded(b" gzip"),
    "identity": coded(b" identity"),
    "chunked twice": coded(b" chunked, chunked"),
    "two fields": coded(b" chunked", b" chunked"),
    "two fields, one identity": coded(b" identity", b" chunked"),
    "two fields, one empty": coded(b"", b" chunked"),
    "empty": coded(b""),
    "a letter before": coded(b" xchunked"),
    "a letter behind": coded(b" chunkedx"),
    "a comma before": coded(b" ,chunked"),
    "a comma behind": coded(b" chunked,"),
    "a parameter": coded(b" chunked;q=1"),
    "quoted": coded(b' "chunked"'),
    "a vertical tab before": coded(b" \x0bchunked"),
    "folded": coded(b"\r\n chunked"),
}
FIELDS = {
    "folded": message(HOST, b"X: a", b" b"),
    "folded with a tab": message(HOST, b"X: a", b"\tb"),
    "folded Host": message(b"Host:", b" h"),
    "space before the colon": message(HOST, b"X : a"),
    "tab before the colon": message(HOST, b"X\t: a"),
    "space before a length's colon": message(HOST, b"Content-Length : 3", body=b"abc"),
    "space in a name": message(HOST, b"X Y: a"),
    "space before the first field": message(b" Host: h"),
    "tab before the first field": message(b"\tHost: h"),
    "no colon": message(HOST, b"X"),
    "no name": message(HOST, b": a"),
    "bare CR hides a length": message(HOST, b"X: a\rContent-Length: 3", body=b"abc"),
    "bare LF hides a length": message(HOST, b"X: a\nContent-Length: 3", body=b"abc"),
    "LF alone everywhere": b"POST /first HTTP/1.1\nHost: h\n\n",
    "LF alone behind the line": b"POST /first HTTP/1.1\nHost: h\r\n\r\n",
    "LF alone at the end": b"POST /first HTTP/1.1\r\nHost: h\r\n\n",
    "CR alone everywhere": b"POST /first HTTP/1.1\rHost: h\r\r",
    "CR CR LF": b"POST /first HTTP/1.1\r\nHost: h\r\r\n\r\n",
    "UTF-8": with_value("é".encode()),
    **{f"{byte:#04x} in a value": with_value(bytes([byte])) for byte in (0, 1, 8, 11, 12, 27, 31, 127, 128, 233, 255)},
    **{f"{byte:#04x} in a name": with_name(bytes([88, byte])) for byte in (0, 1, 9, 11, 27, 127, 128, 255)},
    **{f"{char} in a name": with_name(b"X" + char.encode()) for char in '"(),/;<=>?@[\\]{}'},
}
HOSTS = {
    "missing": message(line=b"GET /first HTTP/1.1"),
    "twice": message(HOST, HOST),
    "differing": message(HOST, b"Host: i"),
    "twice in HTTP/1.0": message(HOST, HOST, line=b"GET /first HTTP/1.0"),
    "empty": to(b""),
    "blank": to(b" "),
    "space": to(b"a b"),
    "slash": to(b"a/b"),
    "backslash": to(b"a\\b"),
    "user": to(b"user@h"),
    "comma": to(b"a,b"),
    "query": to(b"h?a"),
    "fragment": to(b"h#a"),
    "port of letters": to(b"h:x"),
    "port too high": to(b"h:65536"),
    "port below zero": to(b"h:-1"),
    "two ports": to(b"h:80:80"),
    "half an address": to(b"[::1"),
    "an address without brackets": to(b"::1"),
    "bytes outside ASCII": to(b"h\xff"),
    "over long": to(b"h" * 264),
}
LINES = {
    "lower-case version": begun(b"GET /first http/1.1"),
    "another protocol": begun(b"GET /first HTTPS/1.1"),
    "half a version": begun(b"GET /first HTTP/1"),
    "two digits": begun(b"GET /first HTTP/1.10"),
    "a leading zero": begun(b"GET /first HTTP/01.1"),
    "a comma": begun(b"GET /first HTTP/1,1"),
    "a space behind": begun(b"GET /first HTTP/1.1 "),
    "RTSP with a path": begun(b"OPTIONS /first RTSP/1.0"),
    "RTSP with a star": begun(b"OPTIONS * RTSP/1.0"),
    "RTSP get": begun(b"GET /first RTSP/1.0"),
    "RTSP post": begun(b"POST /first RTSP/1.1"),
    "RTSP method": begun(b"DESCRIBE /first RTSP/1.0"),
    "RTSP method of HTTP": begun(b"SETUP /first HTTP/1.1"),
    "RTSP behind spaces": begun(b"GET  /first  RTSP/1.0"),
    "RTSP behind empty lines": b"\r\n\r\n" + begun(b"GET /first RTSP/1.0"),
    "ICE": begun(b"SOURCE /first ICE/1.0"),
    "ICE get": begun(b"GET /first ICE/1.0"),
    "ICE method of HTTP": begun(b"SOURCE /first HTTP/1.1"),
    "star": begun(b"GET * HTTP/1.1"),
    "star of OPTIONS": begun(b"OPTIONS * HTTP/1.1"),
    "no slash": begun(b"GET first HTTP/1.1"),
    "a query alone": begun(b"GET ?a HTTP/1.1"),
    "fragment": begun(b"GET /first#a HTTP/1.1"),
    "space in the target": begun(b"GET /fir st HTTP/1.1"),
    "tab behind the target": begun(b"GET /first\tHTTP/1.1"),
    "high byte": begun(b"GET /first\xff HTTP/1.1"),
    "high byte in the query": begun(b"GET /first?\xe9 HTTP/1.1"),
    "NUL in the target": begun(b"GET /fir\x00st HTTP/1.1"),
    "DEL in the target": begun(b"GET /fir\x7fst HTTP/1.1"),
    "CONNECT": begun(b"CONNECT h:443 HTTP/1.1"),
    "CONNECT with a path": begun(b"CONNECT /first HTTP/1.1"),
    "lower-case method": begun(b"get /first HTTP/1.1"),
    "unknown method": begun(b"BREW /first HTTP/1.1"),
    "a method too long": begun(b"GETS /first HTTP/1.1"),
    "half a method": begun(b"GE /first HTTP/1.1"),
    "space before the method": begun(b" GET /first HTTP/1.1"),
    "tab behind the method": begun(b"GET\t/first HTTP/1.1"),
    "NUL in the method": begun(b"G\x00T /first HTTP/1.1"),
    "no scheme's host": begun(b"GET http:///first HTTP/1.1"),
    "another scheme": begun(b"GET ftp://h/first HTTP/1.1"),
    "user in the URL": begun(b"GET http://user@h/first HTTP/1.1"),
    "port too high in the URL": begun(b"GET http://h:65536/first HTTP/1.1"),
    "a host alone": begun(b"GET h:80 HTTP/1.1"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/2 preface, mistaken": b"PRI / HTTP/1.1\r\nHost: h\r\n\r\n",
}
VERSIONS = {
    "0.9": begun(b"GET /first HTTP/0.9"),
    "1.2": begun(b"GET /first HTTP/1.2"),
    "2.0": begun(b"GET /first HTTP/2.0"),
    "3.0": begun(b"GET /first HTTP/3.0"),
    "none": begun(b"GET /first"),
}
CHUNKS = {
    "LF in an extension": b"3;a=\nb\r\nabc\r\n0\r\n\r\n",
    "LF behind an extension": b"3;a=b\nabc\r\n0\r\n\r\n",
    "CR in an extension": b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "unterminated quote": b'3;a="b\r\nabc\r\n0\r\n\r\n',
    "LF in a quote": b'3;a="b\n"\r\nabc\r\n0\r\n\r\n',
    "NUL in an extension": b"3;a=\x00\r\nabc\r\n0\r\n\r\n",
    "space in an extension": b"3;a=b c\r\nabc\r\n0\r\n\r\n",
    "comma for a semicolon": b"3,a\r\nabc\r\n0\r\n\r\n",
    "hexadecimal mark": b"0x3\r\nabc\r\n0\r\n\r\n",
    "no hexadecimal": b"g\r\nabc\r\n0\r\n\r\n",
    "minus": b"-3\r\nabc\r\n0\r\n\r\n",
    "plus": b"+3\r\nabc\r\n0\r\n\r\n",
    "no size": b"\r\nabc\r\n0\r\n\r\n",
    "space before the size": b" 3\r\nabc\r\n0\r\n\r\n",
    "space behind the size": b"3 \r\nabc\r\n0\r\n\r\n",
    "tab behind the size": b"3\t\r\nabc\r\n0\r\n\r\n",
    "overflow": b"10000000000000003\r\nabc\r\n0\r\n\r\n",
    "long overflow": b"f" * 17 + b"\r\nabc\r\n0\r\n\r\n",
    "LF behind the size": b"3\nabc\r\n0\r\n\r\n",
    "CR behind the size": b"3\rabc\r\n0\r\n\r\n",
    "nothing behind the data": b"3\r\nabc0\r\n\r\n",
    "LF behind the data": b"3\r\nabc\n0\r\n\r\n",
    "letters behind the data": b"3\r\nabcXX0\r\n\r\n",
    "data too short": b"3\r\nab\r\n0\r\n\r\n",
    "LF at the end": b"3\r\nabc\r\n0\r\n\n",
    "folded trailer": b"3\r\nabc\r\n0\r\nX: a\r\n b\r\n\r\n",
    "space before a trailer's colon": b"3\r\nabc\r\n0\r\nX : a\r\n\r\n",
    "NUL in a trailer": b"3\r\nabc\r\n0\r\nX: \0\r\n\r\n",
    "length in a trailer": b"3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\n",
    "coding in a trailer": b"3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
}


def cases(table: dict[str, bytes]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("data", table.values(), ids=table.keys())


# h11 takes a list of equal lengths, folded fields and lines that LF alone ends; neither is ambiguous as it takes them.
LENIENT = {"twice", "list", "folded", "folded with a tab", "folded Host", "bare LF hides a length", "empty", "blank"}
BY_HYPERCORN_TOO = {
    name: data
    for name, data in {**LENGTHS, **FIELDS, **HOSTS}.items()
    if name not in LENIENT and not name.startswith("LF alone")
}


async def refused(
    listen: Listen, connect: Connect, data: bytes, mode: Protocol = "native"
) -> tuple[int, str | None, list[str]]:
    """Send what is to be refused with a request behind it; return status, code and the paths that got through."""
    server = await listen(protocol=mode)
    client = await connect(server)
    await client.send(data + SMUGGLED)
    answer = await client.answer()
    assert await client.rest() == b""
    return answer.status, answer.get("connection"), server.application.paths


@cases(LENGTHS)
async def test_a_length_that_two_readers_could_take_differently(listen: Listen, connect: Connect, data: bytes) -> None:
    assert await refused(listen, connect, data) == (400, "close", [])


@cases(CODINGS)
async def test_a_transfer_coding_that_is_not_chunked_alone(listen: Listen, connect: Connect, data: bytes) -> None:
    assert await refused(listen, connect, data) == (400, "close", [])


@cases(FIELDS)
async def test_a_field_out_of_form(listen: Listen, connect: Connect, data: bytes) -> None:
    assert await refused(listen, connect, data) == (400, "close", [])


@cases(HOSTS)
async def test_a_host_that_is_none(listen: Listen, connect: Connect, data: bytes) -> None:
    assert await refused(listen, connect, data) == (400, "close", [])


@cases(LINES)
async def test_a_request_line_that_is_none(listen: Listen, connect: Connect, data: bytes) -> None:
    assert await refused(listen, connect, data) == (400, "close", [])


@cases(VERSIONS)
async def test_another_version(listen: Listen, connect: Connect, data: bytes) -> None:
    assert await refused(listen, connect, data) == (505, "close", [])


@cases(CHUNKS)
async def test_chunks_out_of_form_never_make_a_body(listen: Listen, connect: Connect, data: bytes) -> None:
    assert await refused(listen, connect, message(HOST, CHUNKED, body=data)) == (400, "close", ["/first"])


@pytest.mark.asyncio(loop_factories=["asyncio"])
@cases(BY_HYPERCORN_TOO)
async def test_most_of_it_is_refused_by_hypercorn_too(listen: Listen, connect: Connect, data: bytes) -> None:
    status, _, paths = await refused(listen, connect, data, "hypercorn")
    assert (status, paths) == (400, [])


async def test_an_invalid_host_beside_an_absolute_target_is_400(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    assert (await client.ask(b"GET http://h/ HTTP/1.1\r\nHost: a b\r\n\r\n")).status == 400
