import asyncio
import shutil

import pytest

from phasegate.testing import FakeUpstream
from phasegate.testing.fixtures import GatewayMaker
from phasegate_auth import BasicAuth

CURL = shutil.which("curl")
PASSWORD = "sesame: \u00f6ffne dich"


def document(upstream: FakeUpstream) -> dict[str, object]:
    target = {"nodes": {upstream.address: 1}}
    jack = {"basic-auth": {"username": "jack", "password": PASSWORD}}
    return {
        "routes": [{"id": "r", "uri": "/*", "plugins": {"basic-auth": {}}, "upstream": target}],
        "consumers": [{"username": "jack", "plugins": jack}],
    }


async def curl(url: str, *arguments: str) -> str:
    assert CURL is not None
    process = await asyncio.create_subprocess_exec(
        CURL, "-sS", "-i", "-m", "20", *arguments, url, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output.decode()


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
async def test_curl_gets_in_with_its_user_option(
    start_gateway: GatewayMaker, upstream: FakeUpstream, version: str
) -> None:
    gateway = await start_gateway(document(upstream), [BasicAuth])
    right = await curl(gateway.url, version, "-u", f"jack:{PASSWORD}")
    wrong = await curl(gateway.url, version, "-u", "jack:sesame")
    missing = await curl(gateway.url, version)
    assert " 200" in right.splitlines()[0]
    assert " 401" in wrong.splitlines()[0]
    assert 'www-authenticate: Basic realm="basic", charset="UTF-8"' in missing
    assert wrong.endswith('{"message":"Invalid user authorization"}')
    (received,) = upstream.received
    assert (received.get("authorization"), received.get("x-consumer-username")) == (None, "jack")
