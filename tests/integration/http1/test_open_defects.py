"""What does not hold yet, for reasons outside of `server.http1`."""

import socket

import pytest

from phasegate.limits import Limits
from tests.http1_client import Client, request
from tests.integration.http1.conftest import Connect, Listen
from tests.listening import Listening


@pytest.mark.xfail(strict=True, reason="server.incoming.head_of judges no Host beside an absolute target")
async def test_an_invalid_host_beside_an_absolute_target_is_400(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    assert (await client.ask(b"GET http://h/ HTTP/1.1\r\nHost: a b\r\n\r\n")).status == 400


@pytest.mark.xfail(strict=True, reason="server.listener.Opening closes without a word where `P` could begin a preface")
async def test_a_head_of_one_letter_that_takes_too_long_is_408(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(head_timeout=0.05)))
    assert (await client.ask(b"P")).status == 408


@pytest.mark.xfail(
    strict=True, reason="server.listener closes its socket with connections that nobody has accepted yet"
)
async def test_connections_that_wait_to_be_accepted_are_answered(listen: Listen) -> None:
    server: Listening = await listen(graceful_timeout=1)
    # Connected by the kernel, before the loop has a turn to accept them.
    clients = [Client(socket.create_connection(("127.0.0.1", server.port))) for _ in range(20)]
    server.stopping.set()
    try:
        for client in clients:
            client.sock.setblocking(False)
            assert (await client.ask(request("GET", "/"))).status == 200
    finally:
        for client in clients:
            client.close()
