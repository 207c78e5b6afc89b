"""The connections that watch workers: what an answer is, and whose they are."""

import pytest

from bench.changes.eyes import inode
from bench.changes.line import request, whole
from bench.errors import SliceFailed

HEAD = b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nserver: x\r\n\r\n"
TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 501 1 0 100 0 0 10 0
   1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 502 1 0 20 4 30 10 -1
   2: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 503 1 0 20 4 30 10 -1
"""


def test_an_answer_is_its_status_and_its_body() -> None:
    assert whole(HEAD + b"hello") == (404, b"hello")


@pytest.mark.parametrize("some", [b"", HEAD[:20], HEAD, HEAD + b"hell"])
def test_an_answer_is_waited_for_until_it_is_whole(some: bytes) -> None:
    assert whole(some) is None


def test_an_answer_of_unknown_length_is_refused() -> None:
    with pytest.raises(SliceFailed, match="does not say how long"):
        whole(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")


def test_a_request_has_its_key_and_its_length() -> None:
    sent = request("PUT", "/a", "secret", b"{}")
    assert sent == b"PUT /a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nX-API-KEY: secret\r\n\r\n{}"


def test_the_end_of_a_connection_is_the_servers() -> None:
    assert inode(TABLE, 0x1F90, 0xC350) == "503"


def test_a_connection_that_is_not_there_is_told() -> None:
    with pytest.raises(SliceFailed, match="no connection from port 1 to port 8080"):
        inode(TABLE, 8080, 1)
