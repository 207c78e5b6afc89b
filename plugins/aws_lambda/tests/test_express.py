"""Express by serverless-http: what runs behind API Gateway, a function URL or a load balancer runs here."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from phasegate.testing import RunningGateway
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.plugin import AwsLambda
from phasegate_aws_lambda.testing import FunctionMaker

pytestmark = pytest.mark.long

IAM = {"accesskey": "AKIDEXAMPLE", "secretkey": "the-secret-key", "session_token": "the-session-token"}
FORMATS = ["2.0", "1.0", "alb", "alb-multi"]
BYTES = bytes(range(256))
PACKAGES = Path(__file__).parent / "node" / "package.json"
INSTALL = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", "--prefer-offline"]

EXPRESS = """
    const express = require('express');
    const serverless = require('serverless-http');

    const app = express();
    app.use(express.raw({ type: () => true }));

    app.all('/echo/*rest', (request, response) => {
        response.json({
            method: request.method,
            path: request.path,
            query: request.query,
            cookie: request.get('cookie'),
            repeated: request.get('x-repeated'),
            body: Buffer.from(request.body ?? '').toString('latin1'),
            host: request.get('host'),
        });
    });

    app.get('/image', (request, response) => {
        response.type('png').send(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
    });

    app.get('/login', (request, response) => {
        response.cookie('a', '1').cookie('b', '2').redirect(303, '/home');
    });

    app.get('/teapot', (request, response) => {
        response.append('x-tea', ['black', 'green']).status(418).send('short and stout');
    });

    app.get('/broken', () => {
        throw new Error('no');
    });

    exports.handler = serverless(app, { binary: ['image/*'] });
"""


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Express and serverless-http are installed."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js and npm are not installed")
    folder = tmp_path_factory.mktemp("packages")
    shutil.copy(PACKAGES, folder)
    try:
        subprocess.run(INSTALL, cwd=folder, check=True, capture_output=True, timeout=45)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = (error.stderr or b"").decode().partition("\n")[0]
        pytest.skip(f"npm can't install Express and serverless-http: {said or error}")
    return folder / "node_modules"


@pytest.fixture(params=[*FORMATS, "function-url", "rest-api"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def gateway(
    way: str,
    packages: Path,
    tmp_path: Path,
    start_gateway: GatewayMaker,
    local_faces: FunctionMaker,
) -> RunningGateway:
    (tmp_path / "node_modules").symlink_to(packages)
    faces = await local_faces(EXPRESS, timeout_seconds=10.0, file="app.js")
    plugin: dict[str, Any] = {"timeout": 15_000}
    if way == "rest-api":
        plugin |= {"function_uri": f"http://127.0.0.1:{faces.rest_port}/prod"}
    elif way == "function-url":
        signed = IAM | {"aws_region": "us-east-1", "service": "lambda"}
        plugin |= {"function_uri": faces.url, "authorization": {"iam": signed}}
    else:
        plugin |= {"function": "app", "endpoint": faces.endpoint, "authorization": {"iam": IAM}}
        plugin |= {"payload_format": way}
    return await start_gateway({"routes": [{"id": "r", "uri": "/*", "plugins": {"aws-lambda": plugin}}]}, [AwsLambda])


async def test_express_sees_the_request(gateway: RunningGateway, client: httpx.AsyncClient, way: str) -> None:
    sent = {"a": ["1", "2"], "b": "x y&z", "empty": ""}
    fields = [("cookie", "c=3; d=4"), ("content-type", "application/json"), ("host", "shop.test")]
    response = await client.post(
        f"{gateway.url}/echo/one/two", params=sent, content=json.dumps({"ä": 1}), headers=fields
    )
    seen = response.json()
    assert (seen["method"], seen["path"], seen["cookie"]) == ("POST", "/echo/one/two", "c=3; d=4")
    assert json.loads(seen["body"].encode("latin-1")) == {"ä": 1}
    assert (seen["query"]["b"], seen["query"]["empty"]) == ("x y&z", "")
    # A load balancer without multi-value headers gives the last of a name alone, to any function.
    assert seen["query"]["a"] == ("2" if way == "alb" else ["1", "2"])
    if way in FORMATS:
        assert seen["host"] == "shop.test"


async def test_express_sees_each_of_repeated_headers(
    gateway: RunningGateway, client: httpx.AsyncClient, way: str
) -> None:
    fields = [("x-repeated", "1"), ("x-repeated", "2")]
    seen = (await client.get(f"{gateway.url}/echo/x", headers=fields)).json()["repeated"]
    # Of these the adapter itself takes the last from `headers`, where an event has them.
    last_alone = way in {"1.0", "alb", "rest-api"}
    assert [value.strip() for value in seen.split(",")] == (["2"] if last_alone else ["1", "2"])


async def test_cookies_bytes_and_statuses_of_express_come_through(
    gateway: RunningGateway, client: httpx.AsyncClient, way: str
) -> None:
    image = await client.get(f"{gateway.url}/image")
    assert (image.content, image.headers["content-type"]) == (BYTES, "image/png")
    login = await client.get(f"{gateway.url}/login")
    assert (login.status_code, login.headers["location"]) == (303, "/home")
    # The adapter leaves cookies out where a load balancer takes one value a name.
    cookies = [] if way == "alb" else ["a=1", "b=2"]
    assert [cookie.split(";")[0] for cookie in login.headers.get_list("set-cookie")] == cookies
    teapot = await client.get(f"{gateway.url}/teapot")
    assert (teapot.status_code, teapot.text) == (418, "short and stout")
    # Where headers are lists alone, the adapter gives these both apart and joined.
    assert {value.strip() for value in teapot.headers["x-tea"].split(",")} == {"black", "green"}
    assert (await client.get(f"{gateway.url}/nowhere")).status_code == 404
    assert (await client.get(f"{gateway.url}/broken")).status_code == 500


async def test_express_takes_bytes(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    response = await client.put(f"{gateway.url}/echo/x", content=BYTES, headers={"content-type": "image/png"})
    assert response.json()["body"].encode("latin-1") == BYTES


async def test_express_answers_head_without_body(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    response = await client.head(f"{gateway.url}/teapot")
    assert (response.status_code, response.content) == (418, b"")
