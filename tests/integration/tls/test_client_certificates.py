"""Names that are for clients with certificates alone, and requests that come for them on other connections."""

import asyncio
import socket
import ssl
from typing import Any

import pytest
import trustme

from phasegate.settings import TLS
from phasegate.testing.fixtures import GatewayMaker
from tests.http1_client import Client as PlainClient
from tests.http2_client import Client as Http2Client
from tests.http2_client import head
from tests.integration.tls.conftest import Client, Connect, Names, Serve, document
from tests.zoo import Answers

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
versions = pytest.mark.parametrize("version", VERSIONS, ids=["TLS 1.2", "TLS 1.3"])


def at(version: ssl.TLSVersion, context: ssl.SSLContext) -> ssl.SSLContext:
    """Return a context that speaks this version alone."""
    context.minimum_version = context.maximum_version = version
    return context


async def is_refused(connect: Connect, gateway: Any, name: str, context: ssl.SSLContext) -> bool:
    """Tell whether a client gets no answer; with TLS 1.3 it learns of that when it reads."""
    try:
        await (await connect(gateway, name, context)).ask(name)
    except (ssl.SSLError, ConnectionError, EOFError):
        return True
    return False


@versions
async def test_a_client_with_the_right_certificate_is_served(
    serve: Serve, connect: Connect, names: Names, known: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    gateway = await serve(names.guarded("bank", "bank.test"))
    client = await connect(gateway, "bank.test", at(version, known))
    assert (client.server, await client.ask("bank.test")) == ("bank", 200)


@versions
async def test_a_client_without_a_certificate_is_refused(
    serve: Serve, connect: Connect, names: Names, trust: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    gateway = await serve(names.guarded("bank", "bank.test"))
    assert await is_refused(connect, gateway, "bank.test", at(version, trust))


@versions
async def test_a_certificate_of_another_authority_is_refused(
    serve: Serve, connect: Connect, names: Names, trust: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    gateway = await serve(names.guarded("bank", "bank.test"))
    names.strangers.issue_cert("client.test").configure_cert(trust)
    assert await is_refused(connect, gateway, "bank.test", at(version, trust))


@versions
async def test_a_session_of_another_name_does_not_stand_in_for_a_certificate(
    serve: Serve, names: Names, connect: Connect, trust: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    gateway = await serve(names.entry("shop", "shop.test"), names.guarded("bank", "bank.test"))
    at(version, trust)
    shop = await connect(gateway, "shop.test")
    assert await shop.ask("shop.test") == 200
    session = shop.writer.get_extra_info("ssl_object").session
    assert session is not None
    assert not await resumes(gateway.port, trust, "bank.test", session)


async def resumes(port: int, context: ssl.SSLContext, name: str, session: ssl.SSLSession) -> bool:
    """Tell whether a client that takes up a session again gets an answer."""

    def ask() -> bool:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as sock,
            context.wrap_socket(sock, server_hostname=name, session=session) as secure,
        ):
            secure.sendall(b"GET / HTTP/1.1\r\nHost: bank.test\r\n\r\n")
            return bool(secure.recv(1))

    try:
        return await asyncio.to_thread(ask)
    except OSError:
        return False


@pytest.mark.parametrize(("depth", "served"), [(None, True), (1, True), (0, False)])
async def test_depth_counts_the_certificates_between(
    serve: Serve, connect: Connect, names: Names, trust: ssl.SSLContext, depth: int | None, served: bool
) -> None:
    root = trustme.CA()
    root.create_child_ca().issue_cert("client.test").configure_cert(trust)
    rule = {} if depth is None else {"depth": depth}
    gateway = await serve(names.guarded("bank", "bank.test", authority=root, **rule))
    assert await is_refused(connect, gateway, "bank.test", trust) is not served


async def test_where_depth_counts_every_handshake_is_a_whole_one(
    serve: Serve, connect: Connect, names: Names, known: ssl.SSLContext
) -> None:
    gateway = await serve(names.guarded("bank", "bank.test", depth=0))
    client = await connect(gateway, "bank.test", known)
    assert await client.ask("bank.test") == 200
    assert not client.writer.get_extra_info("ssl_object").session.has_ticket
    assert await is_refused(connect, gateway, "bank.test", at(ssl.TLSVersion.TLSv1_2, known))


async def test_an_authority_below_another_is_trusted_for_itself(
    serve: Serve, connect: Connect, names: Names, trust: ssl.SSLContext
) -> None:
    middle = trustme.CA().create_child_ca()
    middle.issue_cert("client.test").configure_cert(trust)
    gateway = await serve(names.guarded("bank", "bank.test", authority=middle, depth=0))
    assert not await is_refused(connect, gateway, "bank.test", trust)


async def test_a_host_with_a_rule_is_misdirected_on_another_names_connection(
    serve: Serve, connect: Connect, names: Names
) -> None:
    gateway = await serve(names.entry("shop", "shop.test"), names.guarded("bank", "bank.test", "*.bank.test"))
    client = await connect(gateway, "shop.test")
    hosts = ["shop.test", "bank.test", "BANK.test:443", "bank.test.", "x.y.bank.test", "shop.test"]
    assert [await client.ask(host) for host in hosts] == [200, 421, 421, 421, 421, 200]


async def test_an_absolute_target_names_the_host_too(serve: Serve, connect: Connect, names: Names) -> None:
    client = await connect(await serve(names.guarded("bank", "bank.test")))
    client.writer.write(b"GET https://bank.test/ HTTP/1.1\r\nHost: shop.test\r\n\r\n")
    assert (await client.reader.readuntil(b"\r\n")).split()[1] == b"421"


async def test_a_host_with_a_rule_is_misdirected_without_any_entrys_name(
    serve: Serve, connect: Connect, names: Names
) -> None:
    client = await connect(await serve(names.guarded("bank", "bank.test")))
    assert [await client.ask(host) for host in ("127.0.0.1", "bank.test")] == [200, 421]


async def test_another_rule_is_not_this_one(
    serve: Serve, connect: Connect, names: Names, known: ssl.SSLContext
) -> None:
    gateway = await serve(
        names.guarded("bank", "bank.test"),
        names.guarded("twin", "twin.test"),
        names.guarded("vault", "vault.test", authority=names.strangers),
    )
    client = await connect(gateway, "bank.test", known)
    assert [await client.ask(f"{name}.test") for name in ("bank", "twin", "vault", "free")] == [200, 200, 421, 200]


async def test_http2_misdirects_the_stream_and_serves_the_others(
    serve: Serve, names: Names, trust: ssl.SSLContext
) -> None:
    gateway = await serve(names.entry("shop", "shop.test"), names.guarded("bank", "bank.test"))
    trust.set_alpn_protocols(["h2"])
    client = await Http2Client.to(gateway.port, context=trust, name="shop.test")
    hosts = {1: "shop.test", 3: "bank.test", 5: "shop.test", 7: "bank.test"}
    client.send(*[client.headers(stream, head(scheme="https", authority=host)) for stream, host in hosts.items()])
    assert [(await client.answer(stream)).status for stream in hosts] == [200, 421, 200, 421]
    assert (await client.get(9, head(scheme="https", authority="shop.test"))).status == 200
    client.close()


async def test_http2_with_the_right_certificate_is_served(serve: Serve, names: Names, known: ssl.SSLContext) -> None:
    gateway = await serve(names.guarded("bank", "bank.test"))
    known.set_alpn_protocols(["h2"])
    client = await Http2Client.to(gateway.port, context=known, name="bank.test")
    assert (await client.get(1, head(scheme="https", authority="bank.test"))).status == 200
    client.close()


async def test_a_rule_that_comes_later_holds_for_open_connections(serve: Serve, connect: Connect, names: Names) -> None:
    gateway = await serve(names.entry("bank", "bank.test"))
    client = await connect(gateway, "bank.test")
    assert await client.ask("bank.test") == 200
    await gateway.reload(document(names.guarded("bank", "bank.test")))
    assert await client.ask("bank.test") == 421


async def test_what_an_older_rule_took_is_no_proof_for_a_newer_one(
    serve: Serve, connect: Connect, names: Names, known: ssl.SSLContext
) -> None:
    gateway = await serve(names.guarded("bank", "bank.test"))
    client = await connect(gateway, "bank.test", known)
    assert await client.ask("bank.test") == 200
    await gateway.reload(document(names.guarded("bank", "bank.test", authority=names.strangers)))
    assert await client.ask("bank.test") == 421
    assert await is_refused(connect, gateway, "bank.test", known)


async def test_a_renewed_certificate_of_ours_leaves_what_clients_have_proven(
    serve: Serve, connect: Connect, names: Names, known: ssl.SSLContext
) -> None:
    gateway = await serve(names.guarded("bank", "bank.test"))
    client = await connect(gateway, "bank.test", known)
    await gateway.reload(document(names.guarded("renewed", "bank.test")))
    assert await client.ask("bank.test") == 200


async def test_a_session_of_an_older_rule_is_no_proof_for_a_newer_one(
    serve: Serve, connect: Connect, names: Names, known: ssl.SSLContext
) -> None:
    gateway = await serve(names.guarded("bank", "bank.test"))
    client = await connect(gateway, "bank.test", known)
    assert await client.ask("bank.test") == 200
    session = client.writer.get_extra_info("ssl_object").session
    assert await resumes(gateway.port, known, "bank.test", session)
    await gateway.reload(document(names.guarded("bank", "bank.test", authority=names.strangers)))
    assert not await resumes(gateway.port, known, "bank.test", session)


async def test_a_websocket_is_a_request_like_others(serve: Serve, connect: Connect, names: Names) -> None:
    client: Client = await connect(await serve(names.guarded("bank", "bank.test")))
    client.writer.write(
        b"GET / HTTP/1.1\r\nHost: bank.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    assert (await client.reader.readuntil(b"\r\n")).split()[1] == b"421"


@pytest.mark.parametrize("entry", ["guarded", "open"])
async def test_a_plain_connection_proves_nothing(
    start_gateway: GatewayMaker, names: Names, certificate: TLS, entry: str
) -> None:
    made = names.guarded("bank", "bank.test") if entry == "guarded" else names.entry("bank", "bank.test")
    gateway = await start_gateway(document(made), [Answers])
    client = await PlainClient.to(gateway.port)
    answer = await client.ask(b"GET / HTTP/1.1\r\nHost: bank.test\r\n\r\n")
    assert answer.status == (421 if entry == "guarded" else 200)
    assert answer.status == 200 or b'"misdirected"' in answer.body
    client.close()
