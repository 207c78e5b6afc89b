import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.server.client_hello import LONGEST_BYTES, ClientHello


def hello_for(name: str | None) -> bytes:
    """Return what OpenSSL sends first."""
    context = ssl.create_default_context()
    context.check_hostname = False
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def in_records(hello: bytes, size: int) -> bytes:
    """Return a message of one record spread over records of a size."""
    message = hello[5:]
    pieces = [message[start : start + size] for start in range(0, len(message), size)]
    return b"".join(hello[:3] + len(piece).to_bytes(2, "big") + piece for piece in pieces)


HELLO = hello_for("Shop.Example.com")


def test_the_name_is_read_in_lower_case() -> None:
    hello = ClientHello()
    assert (hello.read(HELLO), hello.name) == (0, "shop.example.com")


def test_there_may_be_no_name() -> None:
    hello = ClientHello()
    assert (hello.read(hello_for(None)), hello.name) == (0, None)


@pytest.mark.parametrize("size", [1, 3, 4, 5, 100])
def test_a_message_may_be_spread_over_records(size: int) -> None:
    hello = ClientHello()
    assert (hello.read(in_records(HELLO, size)), hello.name) == (0, "shop.example.com")


@pytest.mark.parametrize("data", [HELLO, in_records(HELLO, 7)], ids=["one record", "many records"])
def test_of_a_part_it_is_said_how_much_more_must_come(data: bytes) -> None:
    hello, here, looks = ClientHello(), 0, 0
    while needed := hello.read(data[:here]):
        assert here < needed <= len(data)
        here, looks = needed, looks + 1
    assert (here, hello.name) == (len(data), "shop.example.com")


def test_bytes_may_come_one_by_one() -> None:
    hello = ClientHello()
    assert all(hello.read(HELLO[:end]) for end in range(len(HELLO)))
    assert (hello.read(HELLO), hello.name) == (0, "shop.example.com")


@pytest.mark.parametrize(
    "data",
    [
        b"G",
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\xff\xff",
        b"\x16\x03\x01\x00\x01\x02",
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
        HELLO[:6] + b"\x00\x00\x00" + HELLO[9:],
        HELLO[:43] + b"\xff" * (len(HELLO) - 43),
        (b"\x16\x03\x01\x00\x01\x01" + b"\x16\x03\x01\x00\x01\x00" * LONGEST_BYTES)[:LONGEST_BYTES],
    ],
    ids=["a letter", "HTTP", "empty record", "long record", "ServerHello", "long message", "cut", "lengths", "endless"],
)
def test_what_is_no_client_hello_has_no_name_and_is_not_waited_for(data: bytes) -> None:
    hello = ClientHello()
    assert (hello.read(data), hello.name) == (0, None)


@given(st.binary(max_size=600), st.integers(0, 600))
def test_no_bytes_make_it_fail_or_wait_for_what_is_here(noise: bytes, place: int) -> None:
    for data in (noise, HELLO[:place] + noise + HELLO[place:]):
        needed = ClientHello().read(data)
        assert needed == 0 or len(data) < needed <= LONGEST_BYTES
