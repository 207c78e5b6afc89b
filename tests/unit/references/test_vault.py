import asyncio
from typing import Any

import pytest

from phasegate.references import Unresolved
from phasegate.references.vault import read_vault
from tests.fake_vault import TOKEN, FakeVault


def manager(vault: FakeVault, **other: Any) -> dict[str, Any]:
    return {"uri": vault.url, "prefix": "kv/gateway", "token": TOKEN, **other}


async def test_a_secret_of_version_1(vault: FakeVault) -> None:
    vault.secrets["kv/gateway/jack"] = {"auth-key": "s3cret"}
    assert await read_vault(manager(vault, namespace="team"), "jack") == {"auth-key": "s3cret"}
    assert vault.asked == [("kv/gateway/jack", "team")]


async def test_a_secret_of_version_2(vault: FakeVault) -> None:
    vault.secrets["secret/gateway/team/jack"] = {"auth-key": "s3cret"}
    secret = await read_vault(manager(vault, uri=f"{vault.url}/", prefix="secret/data/gateway"), "team/jack")
    assert secret == {"auth-key": "s3cret"}


async def test_a_secret_of_version_1_that_has_a_key_named_data(vault: FakeVault) -> None:
    vault.secrets["kv/gateway/jack"] = {"data": {"x": "y"}}
    assert await read_vault(manager(vault), "jack") == {"data": {"x": "y"}}


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, r"Vault has no secret at kv/gateway/jack \(404\)"),
        (403, r"does not let this token read kv/gateway/jack \(403\)"),
        (307, "Vault answers 307"),
        (503, "Vault answers 503: see that it is unsealed"),
    ],
)
async def test_a_refusal_is_told_with_its_remedy(vault: FakeVault, status: int, message: str) -> None:
    vault.status = status
    with pytest.raises(Unresolved, match=message) as caught:
        await read_vault(manager(vault), "jack")
    assert TOKEN not in str(caught.value)
    assert len(vault.asked) == 1


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"<html>", "no JSON object"),
        (b"[]", "Vault's answer holds no secret"),
        (b'{"data": null}', "Vault's answer holds no secret"),
        (b" " * 1_048_577, "has more than 1048576 bytes"),
    ],
)
async def test_an_answer_that_is_none(vault: FakeVault, raw: bytes, message: str) -> None:
    vault.raw = raw
    with pytest.raises(Unresolved, match=message):
        await read_vault(manager(vault), "jack")


async def test_a_vault_that_is_not_there(vault: FakeVault) -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(Unresolved, match=rf"Vault at http://127.0.0.1:{port} can't be reached"):
        await read_vault(manager(vault, uri=f"http://127.0.0.1:{port}"), "jack")


@pytest.mark.parametrize("other", [{"uri": "http://a..b"}, {"uri": "http://a:b"}, {"token": "two\nlines"}])
async def test_a_manager_that_nobody_can_be_asked_by(vault: FakeVault, other: dict[str, str]) -> None:
    with pytest.raises(Unresolved, match=r"can't be (asked|read)"):
        await read_vault(manager(vault, **other), "jack")
