"""Google's places on 127.0.0.1: whoever gives tokens, the machine's metadata, and an environment that knows no others."""

import json
import os
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.compute_engine import _metadata

from phasegate.testing import FakeUpstream, Reply, fake_upstream

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
EMAIL = "gateway@shop.iam.gserviceaccount.com"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the machine that runs the tests, and no metadata."""
    for name in os.environ:
        if name.startswith(("GOOGLE_", "GCE_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", "127.0.0.1:1")


@pytest.fixture
async def google() -> AsyncIterator[FakeUpstream]:
    """Whoever is asked for tokens: the token endpoint, STS, IAM."""
    async with fake_upstream() as server:
        yield server


@pytest.fixture
async def metadata(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeUpstream]:
    """The metadata server, in the place where GCE_METADATA_HOST would have it."""
    async with fake_upstream() as server:
        monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", server.address)
        yield server


@pytest.fixture
def id_token() -> Callable[..., str]:
    """What signs ID tokens as Google does, each with a number of its own."""

    ends = int(time.time()) + 3600

    def sign(number: int = 1) -> str:
        claims = {"aud": "a", "email": EMAIL, "exp": ends, "jti": str(number)}
        return jwt.encode(claims, KEY, algorithm="RS256")

    return sign


@pytest.fixture
def reply() -> Callable[..., Reply]:
    """What answers with JSON."""

    def answer(value: Any, status: int = 200, **headers: str) -> Reply:
        fields = {"content-type": "application/json", **headers}
        return Reply(status=status, headers=fields, body=json.dumps(value).encode())

    return answer


@pytest.fixture
def account(google: FakeUpstream) -> dict[str, str]:
    """The key of a service account, whose tokens `google` gives."""
    return {
        "type": "service_account",
        "client_email": EMAIL,
        "private_key_id": "1",
        "private_key": PEM,
        "token_uri": f"{google.url}/token",
    }


@pytest.fixture
def assertion() -> Callable[[bytes], dict[str, Any]]:
    """What reads the assertion by which a service account asks for a token, its signature checked."""

    def read(body: bytes) -> dict[str, Any]:
        text = dict(pair.split("=", 1) for pair in body.decode().split("&"))["assertion"]
        claims: dict[str, Any] = jwt.decode(text, KEY.public_key(), algorithms=["RS256"], options={"verify_aud": False})
        return claims

    return read
