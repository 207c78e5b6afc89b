"""AWS Secrets Manager is moto's server, over HTTP."""

import importlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from phasegate.references import Unresolved
from phasegate.references.aws import SecretsManager

ACCESS = {"id": "aws/1", "access_key_id": "AKIAEXAMPLE", "secret_access_key": "s3cret-key", "region": "eu-west-1"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
async def secrets_manager() -> AsyncIterator[SecretsManager]:
    reader = SecretsManager()
    yield reader
    reader.close()


def create(endpoint: str, name: str, **value: Any) -> None:
    client = (
        importlib.import_module("botocore.session")
        .Session()
        .create_client(
            "secretsmanager",
            region_name="eu-west-1",
            endpoint_url=endpoint,
            aws_access_key_id="x",
            aws_secret_access_key="y",
        )
    )
    client.create_secret(Name=name, **value)
    client.close()


@pytest.mark.parametrize("form", [{"SecretString": '{"key": "s3cret"}'}, {"SecretBinary": b'{"key": "s3cret"}'}])
async def test_a_secret_is_read(secrets_manager: SecretsManager, endpoint: str, form: dict[str, Any]) -> None:
    name = f"prod/{next(iter(form))}"
    create(endpoint, name, **form)
    assert await secrets_manager.read({**ACCESS, "endpoint_url": endpoint}, name) == {"key": "s3cret"}


async def test_a_secret_that_is_not_there(secrets_manager: SecretsManager, endpoint: str) -> None:
    with pytest.raises(Unresolved, match="ResourceNotFoundException for 'none': create it") as caught:
        await secrets_manager.read({**ACCESS, "endpoint_url": endpoint}, "none")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("text", ["s3cret", '"s3cret"'])
async def test_a_secret_that_is_no_object(secrets_manager: SecretsManager, endpoint: str, text: str) -> None:
    create(endpoint, f"plain{len(text)}", SecretString=text)
    with pytest.raises(Unresolved, match="no JSON object") as caught:
        await secrets_manager.read({**ACCESS, "endpoint_url": endpoint}, f"plain{len(text)}")
    assert "s3cret" not in str(caught.value)


async def test_an_endpoint_that_is_not_there(secrets_manager: SecretsManager) -> None:
    with pytest.raises(Unresolved, match="can't be asked: EndpointConnectionError"):
        await secrets_manager.read({**ACCESS, "endpoint_url": "http://127.0.0.1:1"}, "name")


async def test_without_botocore_the_extra_is_named(
    secrets_manager: SecretsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "botocore.exceptions", None)
    with pytest.raises(Unresolved, match=r"pip install phasegate\[aws\]"):
        await secrets_manager.read(ACCESS, "name")
