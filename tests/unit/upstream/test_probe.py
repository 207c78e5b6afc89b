"""The way to an origin looked at: what is well, and each thing that can be wrong on it, with its remedy."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from email.utils import format_datetime
from typing import Any

import pytest
import trustme

from phasegate import ConnectionOptions, Diagnosis, Origin, UpstreamTLS
from phasegate.testing import FakeUpstream, Reply, fake_upstream
from phasegate.upstream.probe import Probe
from tests.process import free_port

Serve = Callable[..., Awaitable[FakeUpstream]]


@pytest.fixture(autouse=True)
def one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `localhost` have its IPv4 address alone, where upstreams of tests are; on most machines it has two."""
    ask = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *asked, **how: [entry for entry in ask(*asked, **how) if entry[0] == socket.AF_INET],
    )


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """What starts an upstream, over TLS with a certificate or a whole context."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(leaf: trustme.LeafCert | None = None, context: ssl.SSLContext | None = None) -> FakeUpstream:
            if leaf is not None:
                context = context or ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                leaf.configure_cert(context)
            upstream = await stack.enter_async_context(fake_upstream(context))
            upstream.reply(Reply(headers={"Date": format_datetime(dt.datetime.now(dt.UTC), usegmt=True)}))
            return upstream

        yield start


async def look(origin: Origin, seconds: float = 5.0, now: Callable[[], float] = time.time) -> dict[str, Diagnosis]:
    return {diagnosis.about: diagnosis async for diagnosis in Probe(origin, seconds, now).look()}


def https(upstream: FakeUpstream, authority: trustme.CA | None = None, **options: Any) -> Origin:
    pem = authority.cert_pem.bytes().decode() if authority else None
    tls = UpstreamTLS(authorities=pem, **options)
    return Origin("https", f"localhost:{upstream.port}", ConnectionOptions(tls=tls))


def levels(found: dict[str, Diagnosis]) -> dict[str, str]:
    return {about: diagnosis.level for about, diagnosis in found.items()}


async def test_a_good_way_is_well_at_every_step(serve: Serve, authority: trustme.CA) -> None:
    upstream = await serve(authority.issue_cert("localhost"))
    found = await look(https(upstream, authority))
    assert levels(found) == {"dns": "ok", "tcp": "ok", "tls": "ok", "clock": "ok"}
    assert "127.0.0.1" in found["dns"].message
    assert found["tls"].message.startswith("TLSv1.3, certificate of localhost until 3000-01-01")
    assert found["clock"].message == "agrees with ours"
    assert not any(diagnosis.remedy for diagnosis in found.values())


async def test_no_path_of_the_upstream_is_asked_for(serve: Serve) -> None:
    upstream = await serve()
    assert levels(await look(Origin("http", upstream.address))) == {"tcp": "ok", "clock": "ok"}
    assert [(received.method, received.target) for received in upstream.received] == [("OPTIONS", "*")]


async def test_a_name_that_nobody_knows(serve: Serve) -> None:
    found = await look(Origin("https", "no-such-name.invalid"))
    assert levels(found) == {"dns": "error"}
    assert "no-such-name.invalid" in found["dns"].message
    assert found["dns"].remedy


async def test_a_label_that_is_too_long_is_a_name_that_nobody_knows() -> None:
    assert levels(await look(Origin("http", f"{'a' * 70}.test"))) == {"dns": "error"}


@pytest.fixture
def hanging_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(30) and [])
    yield
    over.set()


@pytest.mark.usefixtures("hanging_resolver")
async def test_a_resolver_that_hangs_is_told_in_time() -> None:
    found = await look(Origin("http", "slow.test"), seconds=0.05)
    assert found["dns"].message == "no answer for slow.test within 0.05 s"
    assert "/etc/resolv.conf" in found["dns"].remedy


async def test_a_port_on_which_nobody_listens() -> None:
    port = free_port()
    found = await look(Origin("http", f"127.0.0.1:{port}"))
    assert found == {
        "tcp": Diagnosis(
            "tcp", f"port {port}: 127.0.0.1 refuses", "error", "start what should listen there, or mend the port"
        )
    }


async def test_one_of_several_addresses_that_refuses(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream = await serve()
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, upstream.port)) for host in ("127.0.0.1", "127.0.0.9")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    origin = Origin("http", f"two.test:{upstream.port}")
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", real_lookup)
    found = await look(origin)
    assert found["dns"].message == "127.0.0.1, 127.0.0.9"
    expected = f"port {upstream.port}: 1 of 2 addresses take connections; 127.0.0.9 refuses"
    assert (found["tcp"].level, found["tcp"].message) == ("warning", expected)
    assert found["clock"].level == "ok"


async def real_lookup(host: str, port: int, **_: Any) -> list[Any]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]


async def test_an_expired_certificate(serve: Serve, authority: trustme.CA) -> None:
    over = dt.datetime(2024, 5, 6, tzinfo=dt.UTC)
    leaf = authority.issue_cert("localhost", not_before=dt.datetime(2024, 1, 1, tzinfo=dt.UTC), not_after=over)
    found = await look(https(await serve(leaf), authority))
    assert levels(found) == {"dns": "ok", "tcp": "ok", "tls": "error"}
    assert found["tls"].message == "certificate of localhost until 2024-05-06 has expired"
    assert "renewed" in found["tls"].remedy


async def test_a_certificate_that_is_not_valid_yet(serve: Serve, authority: trustme.CA) -> None:
    begins = dt.datetime.now(dt.UTC) + dt.timedelta(days=3)
    leaf = authority.issue_cert("localhost", not_before=begins, not_after=begins + dt.timedelta(days=9))
    found = await look(https(await serve(leaf), authority))
    assert found["tls"].message.endswith("is not valid yet")
    assert "clock" in found["tls"].remedy


async def test_a_certificate_that_is_over_soon(serve: Serve, authority: trustme.CA) -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=3)
    found = await look(https(await serve(authority.issue_cert("localhost", not_after=soon)), authority))
    assert (found["tls"].level, found["clock"].level) == ("warning", "ok")
    assert "less than a week" in found["tls"].remedy


async def test_a_certificate_for_another_name_tells_its_own(serve: Serve, authority: trustme.CA) -> None:
    upstream = await serve(authority.issue_cert("other.test", "more.test"))
    found = await look(https(upstream, authority))
    assert found["tls"].message == "the certificate is for other.test, more.test, not for localhost"
    assert found["tls"].remedy.startswith("mend the host name")


async def test_the_name_that_tls_asks_for_is_the_one_that_counts(serve: Serve, authority: trustme.CA) -> None:
    upstream = await serve(authority.issue_cert("other.test"))
    tls = UpstreamTLS(authorities=authority.cert_pem.bytes().decode())
    options = ConnectionOptions(tls=tls, tls_name="other.test")
    found = await look(Origin("https", f"127.0.0.1:{upstream.port}", options))
    assert found["tls"].level == "ok"


async def test_an_authority_that_nobody_trusts_is_named(serve: Serve) -> None:
    found = await look(https(await serve(trustme.CA(organization_name="Strangers").issue_cert("localhost"))))
    assert "from an authority that is not trusted: " in found["tls"].message
    assert "Strangers" in found["tls"].message
    assert "SSL_CERT_FILE" in found["tls"].remedy


async def test_an_unverified_certificate_is_a_warning(serve: Serve) -> None:
    found = await look(https(await serve(trustme.CA().issue_cert("other.test")), verify=False))
    assert (found["tls"].level, found["clock"].level) == ("warning", "ok")
    assert "certificate of other.test" in found["tls"].message
    assert "nobody verifies" in found["tls"].message


async def test_a_port_that_does_not_speak_tls() -> None:
    def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        found = await look(Origin("https", f"127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    assert found["tls"] == Diagnosis(
        "tls", "no TLS is spoken there", "error", "write http:// where that is meant, or mend the port"
    )


async def test_a_server_that_wants_a_certificate(serve: Serve, authority: trustme.CA) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    found = await look(https(await serve(authority.issue_cert("localhost"), context), authority))
    assert levels(found) == {"dns": "ok", "tcp": "ok", "tls": "error"}
    assert "client certificates" in found["tls"].remedy


async def test_a_port_that_says_nothing() -> None:
    served = asyncio.Semaphore(0)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
        served.release()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        found = await look(Origin("https", address), seconds=0.2)
        assert found["tls"].message == "no handshake within 0.2 s"
        found = await look(Origin("http", address), seconds=0.2)
        assert found["clock"] == Diagnosis("clock", "can't be compared: no answer to OPTIONS *", "note")
        for _ in range(4):
            await served.acquire()


@pytest.mark.parametrize(
    ("ahead", "level", "message"),
    [
        (2, "ok", "agrees with ours"),
        (-30, "warning", "ours is 30 s behind"),
        (30, "warning", "ours is 30 s ahead"),
        (400, "error", "ours is 400 s ahead: signatures and tokens are refused"),
        (-86400, "error", "ours is 86400 s behind: signatures and tokens are refused"),
    ],
)
async def test_a_clock_is_compared_with_the_answer_s_date(
    upstream: FakeUpstream, ahead: int, level: str, message: str
) -> None:
    date = dt.datetime(2026, 11, 26, 7, tzinfo=dt.UTC)
    upstream.reply(Reply(status=403, headers={"Date": format_datetime(date, usegmt=True)}))
    found = (await look(Origin("http", upstream.address), now=lambda: date.timestamp() + 0.5 + ahead))["clock"]
    assert (found.level, found.message) == (level, message)
    assert bool(found.remedy) is (level != "ok")


@pytest.mark.parametrize(
    "reply", [Reply(), Reply(headers={"Date": "yesterday"}), Reply(status=400, raw=b"HTTP/1.1 400 no\r\n\r\n")]
)
async def test_an_answer_without_a_date_leaves_the_clock_open(upstream: FakeUpstream, reply: Reply) -> None:
    upstream.reply(reply)
    found = (await look(Origin("http", upstream.address)))["clock"]
    assert found == Diagnosis("clock", "can't be compared: the answer has no Date", "note")


async def test_what_is_no_http_leaves_the_clock_open(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(raw=b"220 mail.test ESMTP\r\n", close=True))
    assert (await look(Origin("http", upstream.address)))["clock"].level == "note"


async def test_authorities_that_are_none_are_told(upstream: FakeUpstream) -> None:
    options = ConnectionOptions(tls=UpstreamTLS(authorities="no PEM"))
    found = await look(Origin("https", upstream.address, options))
    assert found["tls"].level == "error"
    assert found["tls"].message.startswith("can't begin: ")


async def test_a_name_and_password_in_an_address_are_sent_to_nobody(upstream: FakeUpstream) -> None:
    found = await look(Origin("http", f"user:s3cret@{upstream.address}"))
    assert found["tcp"].level == "ok"
    assert b"s3cret" not in upstream.received[0].head
