"""Clients of every protocol that the gateway speaks, on real sockets."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import trustme

from phasegate.settings import TLS
from tests.wire import Protocol


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority of the tests' own."""
    return trustme.CA()


@pytest.fixture(scope="session")
def certificate(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> TLS:
    """A certificate for 127.0.0.1 and its key, in files."""
    folder = tmp_path_factory.mktemp("tls")
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    for index, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(folder / "cert.pem", append=index > 0)
    return TLS(Path(folder / "cert.pem"), Path(folder / "key.pem"))


@pytest.fixture
def trust(authority: trustme.CA) -> ssl.SSLContext:
    """A client's TLS context that trusts the tests' authority; each test has its own, as httpx sets its ALPN."""
    # None of the system's, which takes 20 ms to read.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


@pytest.fixture(params=["http/1.1", "h2c", "https", "h2"])
def protocol(request: pytest.FixtureRequest, certificate: TLS) -> Protocol:
    """Each of the four ways to speak to the gateway: over TCP and TLS, HTTP/1.1 and HTTP/2."""
    name: str = request.param
    return Protocol(name, certificate if name in ("https", "h2") else None, name in ("h2c", "h2"))


@pytest.fixture
async def http(protocol: Protocol, trust: ssl.SSLContext) -> AsyncIterator[httpx.AsyncClient]:
    """A client that speaks the protocol and nothing else: HTTP/2 with prior knowledge, or by ALPN over TLS."""
    async with httpx.AsyncClient(
        http1=not protocol.is_http2, http2=protocol.is_http2, verify=trust, timeout=10
    ) as client:
        yield client
