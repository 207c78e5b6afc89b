"""The fixtures as an author's project uses them, and what they find there."""

import pytest

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("default")]

PLUGINS = """
import asyncio
import socket
import time
from dataclasses import dataclass
from typing import ClassVar

from phasegate import Exchange, Outcome, Plugin, Response, hookimpl


@dataclass(kw_only=True)
class Greets(Plugin):
    name: ClassVar[str] = "greets"
    schema: ClassVar = {"greeting": {"type": "string", "default": "hello"}}
    metadata_schema: ClassVar = {"region": {"type": "string"}}
    greeting: str

    async def open(self, services):
        self.services = services

    @hookimpl
    async def proxy(self, exchange):
        told = self.services.metadata(self.name) or {}
        return Response.text(f"{self.greeting} {told.get('region')} {self.services.clock.time():.0f}")


@dataclass(kw_only=True)
class Knows(Plugin):
    name: ClassVar[str] = "knows"
    consumer_schema: ClassVar = {"key": {"type": "string", "minlength": 3, "required": True}}
    consumer_key: ClassVar = "key"

    async def open(self, services):
        self.consumers = services.consumers

    @hookimpl
    async def authenticate(self, exchange):
        found = self.consumers.find(self.name, exchange.original.headers.get("key", ""))
        return Outcome.ok(*found) if found else Outcome.absent("who are you?", challenge="key")


@dataclass(kw_only=True)
class Blocks(Plugin):
    name: ClassVar[str] = "blocks"
    schema: ClassVar = {"how": {"type": "string", "required": True}}
    how: str

    @hookimpl
    async def access(self, exchange):
        if self.how == "sleeps":
            time.sleep(0.001)
        elif self.how == "resolves":
            socket.getaddrinfo("localhost", 80)
        elif self.how == "connects":
            with socket.create_server(("127.0.0.1", 0)) as server:
                socket.create_connection(server.getsockname()).close()
        elif self.how == "computes":
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                sum(range(1000))
        return Response.text("done")


@dataclass(kw_only=True)
class Leaves(Plugin):
    name: ClassVar[str] = "leaves"
    schema: ClassVar = {"what": {"type": "string", "required": True}, "tidy": {"type": "boolean", "default": False}}
    what: str
    tidy: bool

    async def open(self, services):
        loop = asyncio.get_running_loop()
        if self.what == "task":
            self.left = loop.create_task(asyncio.Event().wait())
        elif self.what == "task of a task":
            self.left = loop.create_task(self.nest())
        elif self.what == "timer":
            self.left = loop.call_later(60, print)
        elif self.what == "connection":
            self.server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
            _, self.left = await asyncio.open_connection(*self.server.sockets[0].getsockname())

    async def nest(self):
        self.inner = asyncio.create_task(asyncio.Event().wait())

    async def close(self):
        if self.what == "task of a task":
            self.left = self.inner
        if self.tidy:
            self.left.close() if self.what == "connection" else self.left.cancel()
        if self.what == "connection":
            self.server.close()

    @hookimpl
    async def access(self, exchange):
        return Response.text("done")
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(plugins=PLUGINS)
    pytester.makeini(
        """
        [pytest]
        addopts = -p phasegate.testing.fixtures -p no:schemathesis -p no:randomly --strict-markers
        pythonpath = .
        asyncio_mode = auto
        asyncio_default_fixture_loop_scope = function
        filterwarnings = error
        """
    )
    return pytester


def outcome(project: pytest.Pytester, source: str, *arguments: str) -> tuple[dict[str, int], str]:
    """Return how the tests in a file ended, and what pytest said."""
    project.makepyfile(test_it=f"from plugins import *\nimport pytest\nfrom phasegate.testing import Reply\n{source}")
    result = project.runpytest_subprocess("-q", *arguments)
    return result.parseoutcomes(), result.stdout.str()


def test_everything_that_a_plugin_s_tests_need_comes_as_fixtures(project: pytest.Pytester) -> None:
    ended, said = outcome(
        project,
        """
async def test_a_phase(opened, run_phase, exchange, clock):
    plugin = await opened(Greets, {"greeting": "hi"}, metadata={"greets": {"region": "north"}})
    clock.advance(1)
    answer = await run_phase(plugin, "proxy", exchange("GET", "/x", headers={"a": "b"}))
    assert answer.body == b"hi north 1700000001"

async def test_a_caller(opened, run_phase, exchange, consumer):
    jack = consumer("jack", Knows, {"key": "sesame"})
    plugin = await opened(Knows)
    assert (await run_phase(plugin, "authenticate", exchange(headers={"key": "sesame"}))).consumer is jack
    assert not (await run_phase(plugin, "authenticate", exchange())).present

def test_a_credential_is_judged(consumer):
    with pytest.raises(Exception, match="knows.key"):
        consumer("jack", Knows, {"key": "x"})

@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("tls", [False, True])
async def test_a_gateway(gateway, upstream, tls, http2):
    upstream.reply(Reply(status=201, headers={"x-a": "b"}, body=b"forwarded" * 20_000))
    routes = [
        {"id": "greets", "uri": "/greets", "plugins": {"greets": {}}},
        {"id": "all", "uri": "/*", "upstream": {"nodes": {upstream.address: 1}}},
    ]
    running = await gateway({"routes": routes}, [Greets], tls=tls)
    assert (await running.get("/greets", http2=http2)).text.startswith("hello None")
    answer = await running.request("POST", "/x?y=%20", headers={"x-c": "d"}, body=b"b" * 200_000, http2=http2)
    assert (answer.status, answer.headers.get("x-a"), answer.body) == (201, "b", b"forwarded" * 20_000)
    (received,) = upstream.received
    assert (received.method, received.target, received.get("x-c")) == ("POST", "/x?y=%20", "d")
    assert received.body == b"b" * 200_000

async def test_an_upstream_that_fails(gateway, upstream):
    from phasegate.testing import ConnectionCut
    upstream.reply(Reply(cut=True, body=b"half of this"), Reply(delay_seconds=0.01, pieces=[b"a", b"b"]))
    running = await gateway({"routes": [{"id": "r", "uri": "/*", "upstream": {"nodes": {upstream.address: 1}}}]})
    with pytest.raises(ConnectionCut):
        await running.get()
    assert (await running.get()).text == "ab"
""",
    )
    assert ended == {"passed": 8}, said


BLOCKING = {
    "sleeps": ("calls time.sleep, which waits", "time.sleep(0.001)"),
    "resolves": ("calls socket.getaddrinfo, which waits", 'socket.getaddrinfo("localhost", 80)'),
    "connects": ("calls socket.connect, which waits", "socket.create_connection("),
    "computes": ("holds the event loop up for over 0.5 s", "in access\n"),
}


def test_a_plugin_that_blocks_fails_its_test_with_the_stack(project: pytest.Pytester) -> None:
    ended, said = outcome(
        project,
        f"""
@pytest.mark.parametrize("how", {list(BLOCKING)})
async def test_by_itself(opened, run_phase, exchange, how):
    await run_phase(await opened(Blocks, {{"how": how}}), "access", exchange())

@pytest.mark.parametrize("how", {list(BLOCKING)})
async def test_on_a_gateway(gateway, how):
    route = {{"id": "r", "uri": "/*", "plugins": {{"blocks": {{"how": how}}}}}}
    assert (await (await gateway({{"routes": [route]}}, [Blocks])).get()).text == "done"

@pytest.mark.unwatched
async def test_on_purpose(opened, run_phase, exchange):
    await run_phase(await opened(Blocks, {{"how": "sleeps"}}), "access", exchange())

async def test_not_by_the_plugin(opened):
    await opened(Greets)
    time.sleep(0.001)
""",
    )
    assert ended == {"failed": 2 * len(BLOCKING), "passed": 2}, said
    for what, line in BLOCKING.values():
        assert said.count(f"plugin blocks {what}, in access") >= 2
        assert said.count(line) >= 2


LEFT = {"task": "open", "task of a task": "nest", "timer": "open", "connection": "open"}


def test_a_plugin_that_leaves_something_fails_its_test(project: pytest.Pytester) -> None:
    ended, said = outcome(
        project,
        f"""
@pytest.mark.parametrize("what", {list(LEFT)})
async def test_left_behind(opened, what):
    await opened(Leaves, {{"what": what}})

@pytest.mark.parametrize("what", {list(LEFT)})
async def test_tidied_up(opened, what):
    await opened(Leaves, {{"what": what, "tidy": True}})

@pytest.mark.parametrize("what", {list(LEFT)})
async def test_on_a_gateway(gateway, what):
    route = {{"id": "r", "uri": "/*", "plugins": {{"leaves": {{"what": what}}}}}}
    await gateway({{"routes": [route]}}, [Leaves])

async def test_not_by_the_plugin(opened):
    await opened(Greets)
    asyncio.get_running_loop().call_later(60, print)
""",
        "-Wignore",
    )
    assert ended == {"passed": 3 * len(LEFT) + 1, "errors": 2 * len(LEFT)}, said
    for what, method in LEFT.items():
        kind = what.split(maxsplit=1)[0]
        assert said.count(f"a {kind} of plugin leaves, started in {method} (plugins.py:") >= 2
