"""Clients by the thousand accept nothing but the right answer."""

import socket
import threading

import pytest

from bench.connections.clients import come_and_go, require_good
from bench.connections.measure import IDLE, idle_count
from bench.errors import SliceFailed

GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"


def test_hello_is_good() -> None:
    require_good(GOOD)


@pytest.mark.parametrize("answer", [b"", GOOD[:-1], GOOD.replace(b"200 OK", b"503 No")])
def test_anything_else_is_not(answer: bytes) -> None:
    with pytest.raises(SliceFailed, match="a request was answered"):
        require_good(answer)


def test_every_connection_makes_one_request() -> None:
    asked = []

    def serve(server: socket.socket) -> None:
        for _ in range(5):
            with server.accept()[0] as sock:
                asked.append(sock.recv(1000))
                sock.sendall(GOOD[:20])
                sock.sendall(GOOD[20:])

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=[server])
        thread.start()
        come_and_go(server.getsockname()[1], 5, at_once=2)
        thread.join(10)
    assert [request.split(b"\r\n")[0] for request in asked] == [b"GET / HTTP/1.1"] * 5


def test_there_are_as_many_idle_connections_as_files_may_be_open() -> None:
    assert idle_count(1_000_000) == IDLE
    assert idle_count(4096) < 4096
