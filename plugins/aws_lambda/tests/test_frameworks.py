"""Real web frameworks in functions, by their usual adapters: what runs behind API Gateway or a load balancer runs here."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from phasegate.testing import RunningGateway
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.plugin import AwsLambda

pytestmark = pytest.mark.long

IAM = {"accesskey": "AKIDEXAMPLE", "secretkey": "the-secret-key", "session_token": "the-session-token"}
FORMATS = ["2.0", "1.0", "alb", "alb-multi"]
BYTES = bytes(range(256))

ASGI = """
    from mangum import Mangum
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse, RedirectResponse, Response
    from starlette.routing import Route

    async def echo(request):
        body = await request.body()
        return JSONResponse({
            "method": request.method,
            "path": request.url.path,
            "query": request.query_params.multi_items(),
            "cookies": request.cookies,
            "body": body.decode("latin-1"),
            "host": request.headers["host"],
            "scheme": request.url.scheme,
        })

    async def image(request):
        return Response(bytes(range(256)), media_type="image/png")

    async def login(request):
        response = RedirectResponse("/home", status_code=303)
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        return response

    async def teapot(request):
        return Response("short and stout", status_code=418, headers={"x-tea": "black"})

    methods = ["GET", "POST", "PUT", "DELETE", "PATCH"]
    routes = [
        Route("/echo/{rest:path}", echo, methods=methods),
        Route("/image", image),
        Route("/login", login),
        Route("/teapot", teapot),
    ]
    handler = Mangum(Starlette(routes=routes), lifespan="off")
"""
WSGI = """
    import serverless_wsgi
    from flask import Flask, Response, jsonify, redirect, request

    app = Flask(__name__)

    @app.route("/echo/<path:rest>", methods=["GET", "POST", "PUT", "DELETE", "PATCH"])
    def echo(rest):
        return jsonify(
            method=request.method,
            path=request.path,
            query=list(request.args.items(multi=True)),
            cookies=request.cookies,
            body=request.get_data().decode("latin-1"),
            host=request.host,
            scheme=request.scheme,
        )

    @app.route("/image")
    def image():
        return Response(bytes(range(256)), mimetype="image/png")

    @app.route("/login")
    def login():
        response = redirect("/home", 303)
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        return response

    @app.route("/teapot")
    def teapot():
        return "short and stout", 418, {"x-tea": "black"}

    def handler(event, context):
        return serverless_wsgi.handle_request(app, event, context)
"""


@pytest.fixture(params=[(source, name) for source in ("asgi", "wsgi") for name in FORMATS], ids="-".join)
async def gateway(request: pytest.FixtureRequest, start_gateway: GatewayMaker, local_lambda: Any) -> RunningGateway:
    source, payload_format = request.param
    port = await local_lambda(ASGI if source == "asgi" else WSGI, timeout_seconds=10.0)
    plugin = {
        "function": "app",
        "endpoint": f"http://127.0.0.1:{port}",
        "authorization": {"iam": IAM},
        "payload_format": payload_format,
        "timeout": 10_000,
    }
    return await start_gateway({"routes": [{"id": "r", "uri": "/*", "plugins": {"aws-lambda": plugin}}]}, [AwsLambda])


async def test_a_framework_sees_the_request_and_its_answer_is_the_clients(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    sent = {"a": ["1", "2"], "b": "x y&z", "empty": ""}
    headers = {"cookie": "c=3; d=4", "content-type": "application/json", "host": "shop.test"}
    response = await client.post(
        f"{gateway.url}/echo/one/two", params=sent, content=json.dumps({"ä": 1}), headers=headers
    )
    seen = response.json()
    assert (seen["method"], seen["path"], seen["host"]) == ("POST", "/echo/one/two", "shop.test")
    assert seen["cookies"] == {"c": "3", "d": "4"}
    assert json.loads(seen["body"].encode("latin-1")) == {"ä": 1}
    pairs = [tuple(pair) for pair in seen["query"]]
    assert {("a", "2"), ("b", "x y&z"), ("empty", "")} <= set(pairs)
    assert seen["scheme"] == "http"


async def test_a_frameworks_bytes_cookies_and_statuses_come_through(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    image = await client.get(f"{gateway.url}/image")
    assert (image.content, image.headers["content-type"]) == (BYTES, "image/png")
    login = await client.get(f"{gateway.url}/login")
    assert (login.status_code, login.headers["location"]) == (303, "/home")
    assert [cookie.split(";")[0] for cookie in login.headers.get_list("set-cookie")] == ["a=1", "b=2"]
    teapot = await client.get(f"{gateway.url}/teapot")
    assert (teapot.status_code, teapot.text, teapot.headers["x-tea"]) == (418, "short and stout", "black")
    assert (await client.get(f"{gateway.url}/nowhere")).status_code == 404


async def test_a_framework_takes_bytes(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    response = await client.put(f"{gateway.url}/echo/x", content=BYTES, headers={"content-type": "image/png"})
    assert response.json()["body"].encode("latin-1") == BYTES


async def test_a_framework_answers_head_without_body(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    response = await client.head(f"{gateway.url}/teapot")
    assert (response.status_code, response.content) == (418, b"")
