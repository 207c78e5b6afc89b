"""A route moves from one cloud to another, and on, while clients ask for it: by one plugin's key in the place of another's."""

import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from phasegate.testing import FakeUpstream, Reply, fake_upstream
from tests.admin_client import AdminClient, admin_settings, administering
from tests.history import History
from tests.live_load import Trial
from tests.process import serving, write_conf

PATH = "/moving"
VENDORS = ("aws-lambda", "azure-functions", "google-cloud-functions", "openfunction", "openwhisk")
ROUNDS = 3
# What each function has to be shown, so that it is known to be called by its own plugin.
CREDENTIALS = {
    "aws-lambda": ("x-api-key", "aws-key"),
    "azure-functions": ("x-functions-key", "azure-key"),
    "google-cloud-functions": ("authorization", "Bearer ey"),
    "openfunction": ("authorization", "Bearer open-token"),
    "openwhisk": ("authorization", "Basic "),
}
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()


@pytest.fixture
async def functions() -> AsyncIterator[Mapping[str, FakeUpstream]]:
    """A function of each vendor, which answers by the vendor's name, and `tokens`, which gives Google's."""
    async with contextlib.AsyncExitStack() as stack:
        made = {name: await stack.enter_async_context(fake_upstream()) for name in (*VENDORS, "tokens")}
        for name in VENDORS:
            result = json.dumps({"body": name}) if name == "openwhisk" else name
            made[name].reply(Reply(headers={"content-type": "text/plain"}, body=result.encode()))
        token = jwt.encode({"exp": int(time.time()) + 3600}, KEY, algorithm="RS256")
        body = json.dumps({"id_token": token}).encode()
        made["tokens"].reply(Reply(headers={"content-type": "application/json"}, body=body))
        yield made


def plugin(name: str, functions: Mapping[str, FakeUpstream]) -> dict[str, Any]:
    """Return a vendor's plugin as a route has it."""
    url = functions[name].url
    account = {
        "type": "service_account",
        "client_email": "a@b",
        "private_key": PEM,
        "token_uri": f"{functions['tokens'].url}/token",
    }
    configs: dict[str, dict[str, Any]] = {
        "aws-lambda": {"function_uri": url, "authorization": {"apikey": "aws-key"}},
        "azure-functions": {"function_uri": url, "authorization": {"apikey": "azure-key"}},
        "google-cloud-functions": {
            "function_uri": url,
            "audience": "https://fn.run.app",
            "authorization": {"credentials": json.dumps(account)},
        },
        "openfunction": {"function_uri": url, "authorization": {"bearer": "open-token"}},
        "openwhisk": {"api_host": url, "service_token": "u:p", "namespace": "guest", "action": "fn"},
    }
    return {name: {**configs[name], "timeout": 20_000}}


async def moved(admin: AdminClient, name: str, functions: Mapping[str, FakeUpstream], history: History) -> None:
    """Have a vendor answer the route from now on."""
    history.begin(PATH, f"200 {name}")
    await admin.write("PUT", "routes/moving", {"uri": PATH, "plugins": plugin(name, functions)})
    history.acknowledge(PATH)


@pytest.mark.timeout(120)
async def test_a_route_moves_between_all_vendors_and_no_request_fails(
    tmp_path: Path, functions: Mapping[str, FakeUpstream]
) -> None:
    conf = write_conf(tmp_path, {"routes": []}, admin=admin_settings(), workers=2, plugins=list(VENDORS))
    history = History()
    async with serving(conf) as server, administering(server) as admin, aiohttp.ClientSession() as session:
        await moved(admin, VENDORS[-1], functions, history)
        async with Trial(session, server, [PATH], history) as trial:
            for name in VENDORS * ROUNDS:
                await moved(admin, name, functions, history)
                asked = len(functions[name].received)
                await functions[name].arrived(asked + 20)
        trial.judge(at_least=20 * len(VENDORS) * ROUNDS)
        assert await server.stop() == 0
    for name, (field, begins) in CREDENTIALS.items():
        assert all((received.get(field) or "").startswith(begins) for received in functions[name].received), name
