"""Which certificate a client gets, by the name that it asks for, and when that changes."""

import ssl

import pytest
import trustme

from phasegate import ConfigError
from phasegate.server.roster import Roster
from tests.http2_client import Client as Http2Client
from tests.http2_client import head
from tests.integration.tls.conftest import Connect, Names, Serve, document


@pytest.fixture
def unverified(trust: ssl.SSLContext) -> ssl.SSLContext:
    """A context that trusts the authority and takes its certificates for any name."""
    trust.check_hostname = False
    return trust


@pytest.mark.parametrize(
    ("name", "server"),
    [
        ("www.shop.test", "exact"),
        ("WWW.Shop.Test", "exact"),
        ("x.shop.test", "wildcard"),
        ("y.x.shop.test", "wildcard"),
        ("z.deep.shop.test", "longest"),
        ("shop.test", "own"),
        ("elsewhere.test", "own"),
        ("127.0.0.1", "own"),
    ],
)
async def test_the_name_chooses_the_certificate(
    serve: Serve, connect: Connect, names: Names, unverified: ssl.SSLContext, name: str, server: str
) -> None:
    gateway = await serve(
        names.entry("wildcard", "*.shop.test"),
        names.entry("exact", "www.shop.test"),
        names.entry("longest", "*.deep.shop.test"),
    )
    client = await connect(gateway, name, unverified)
    assert (client.server, await client.ask(name)) == (server, 200)


async def test_both_protocols_are_spoken_with_every_certificate(
    serve: Serve, names: Names, trust: ssl.SSLContext
) -> None:
    gateway = await serve(names.entry("shop", "shop.test"))
    trust.set_alpn_protocols(["h2"])
    client = await Http2Client.to(gateway.port, context=trust, name="shop.test")
    assert (await client.get(1, head(scheme="https", authority="shop.test"))).status == 200
    client.close()


async def test_a_second_pair_serves_clients_of_its_kind(
    serve: Serve, connect: Connect, names: Names, authority: trustme.CA, trust: ssl.SSLContext
) -> None:
    old = authority.issue_cert("shop.test", common_name="rsa", key_type=trustme.KeyType.RSA)
    cert, key = old.cert_chain_pems[0].bytes().decode(), old.private_key_pem.bytes().decode()
    gateway = await serve(names.entry("ecdsa", "shop.test", certs=[cert], keys=[key]))
    assert (await connect(gateway, "shop.test")).server == "ecdsa"
    trust.maximum_version = ssl.TLSVersion.TLSv1_2
    trust.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    assert (await connect(gateway, "shop.test")).server == "rsa"


async def test_a_change_is_for_new_connections_and_leaves_old_ones_alone(
    serve: Serve, connect: Connect, names: Names
) -> None:
    gateway = await serve(names.entry("before", "shop.test"))
    old = await connect(gateway, "shop.test")
    assert await old.ask("shop.test") == 200
    await gateway.reload(document(names.entry("after", "shop.test")))
    new = await connect(gateway, "shop.test")
    assert (new.server, await new.ask("shop.test")) == ("after", 200)
    assert (old.server, await old.ask("shop.test")) == ("before", 200)
    assert not old.reader.at_eof()


async def test_the_first_entry_and_the_last_come_and_go_live(
    serve: Serve, connect: Connect, names: Names, unverified: ssl.SSLContext
) -> None:
    gateway = await serve()
    seen = []
    for entries in ((), (names.entry("shop", "shop.test"),), ()):
        await gateway.reload(document(*entries))
        seen.append((await connect(gateway, "shop.test", unverified)).server)
    assert seen == ["own", "shop", "own"]


async def test_a_refused_change_changes_nothing(serve: Serve, connect: Connect, names: Names) -> None:
    gateway = await serve(names.entry("shop", "shop.test"))
    with pytest.raises(ConfigError):
        await gateway.reload(document(names.entry("shop", "shop.test", key="none")))
    assert (await connect(gateway, "shop.test")).server == "shop"


async def test_connections_are_known_by_their_number(
    serve: Serve, connect: Connect, names: Names, rosters: list[Roster]
) -> None:
    gateway = await serve(names.entry("shop", "shop.test"))
    clients = [await connect(gateway, "shop.test") for _ in range(3)]
    assert [await client.ask("shop.test") for client in clients] == [200] * 3
    assert len(rosters[0]) == 3


async def test_stock_hypercorn_is_refused(serve: Serve, names: Names) -> None:
    with pytest.raises(ConfigError, match=r"ssls: needs server\.protocol: native"):
        await serve(names.entry("shop", "shop.test"), protocol="hypercorn")
