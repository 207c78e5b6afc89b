"""An OpenWhisk on 127.0.0.1: its API as its documentation describes it, with actions that are Python functions."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import web

Action = Callable[[dict[str, Any]], Awaitable[Any]]
TOKEN = "23bc46b1:123zO3xZCLrMN6v2"
IDENTITY = "44794bd6aab74415b4e42a308d880e5b"
# "payload": the limit of an invocation's parameters and of its result.
LIMIT_BYTES = 1 << 20


class ActionError(Exception):
    """What an action reports as its own error; it holds the result."""


class Whisk:
    """Runs actions by their full names, and web actions as `/web/` reaches them. `seen` are the requests."""

    def __init__(self) -> None:
        self.url = ""
        self.actions: dict[str, Action] = {}
        self.web: dict[str, Callable[[web.Request], Awaitable[web.Response]]] = {}
        self.seen: list[web.Request] = []
        self.refuses: tuple[int, str] | None = None

    async def invoke(self, request: web.Request) -> web.Response:
        """POST /namespaces/{namespace}/actions/[{package}/]{action}."""
        self.seen.append(request)
        if self.refuses is not None:
            return web.json_response({"error": self.refuses[1], "code": "x"}, status=self.refuses[0])
        if request.headers.get("authorization") != "Basic " + base64.b64encode(TOKEN.encode()).decode():
            return web.json_response({"error": "The supplied authentication is invalid", "code": "x"}, status=401)
        body = await request.read()
        if len(body) > LIMIT_BYTES:
            return web.json_response({"error": "Request larger than allowed", "code": "x"}, status=413)
        action = self.actions.get(unquote(request.match_info["name"]))
        if action is None:
            return web.json_response({"error": "The requested resource does not exist.", "code": "x"}, status=404)
        try:
            parameters = json.loads(body or b"{}")
            assert isinstance(parameters, dict)
        except (ValueError, AssertionError):
            message = "The request content was malformed:\nObject expected"
            return web.json_response({"error": message, "code": "x"}, status=400)
        return await self._run(action, parameters, request)

    async def answer(self, request: web.Request) -> web.Response:
        """Any method of /web/{namespace}/{package}/{action}.http."""
        self.seen.append(request)
        return await self.web[request.match_info["name"]](request)

    async def _run(self, action: Action, parameters: dict[str, Any], request: web.Request) -> web.Response:
        query, headers = request.query, {"x-openwhisk-activation-id": IDENTITY}
        accepted = web.json_response({"activationId": IDENTITY}, status=202, headers=headers)
        if query.get("blocking") != "true":
            return accepted
        try:
            async with asyncio.timeout(int(query["timeout"]) / 1000):
                result, success = await action(parameters), True
        except TimeoutError:
            return accepted
        except ActionError as error:
            result, success = error.args[0], False
        if query.get("result") != "true":
            outcome = {"result": result, "success": success, "status": "success" if success else "application error"}
            noted = [{"key": "waitTime", "value": 3}, {"key": "initTime", "value": 40}]
            told = {"duration": 52, "annotations": noted, "logs": ["s3cret"], "version": "0.0.1"}
            result = {"activationId": IDENTITY, "response": outcome, **told}
        return web.json_response(result, status=200 if success else 502, headers=headers)


@pytest.fixture
async def whisk() -> AsyncIterator[Whisk]:
    """An OpenWhisk, and where it is."""
    made = Whisk()
    app = web.Application(client_max_size=8 << 20)
    app.router.add_post("/api/v1/namespaces/{namespace}/actions/{name:.+}", made.invoke)
    app.router.add_route("*", "/api/v1/web/{name:.+}", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
def action_error() -> type[Exception]:
    """What an action raises to report an error."""
    return ActionError


@pytest.fixture
def config(whisk: Whisk) -> dict[str, Any]:
    """A configuration that calls the action `hello`."""
    return {"api_host": whisk.url, "service_token": TOKEN, "namespace": "guest", "action": "hello"}
