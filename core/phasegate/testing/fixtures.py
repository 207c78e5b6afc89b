"""The kit as pytest fixtures, opt-in: `-p phasegate.testing.fixtures` in pytest's `addopts`.

A plugin that blocks the event loop, or leaves something running when it is closed, fails the test that uses it through
`opened` or `gateway`, or any that asks for `watched`; the mark `unwatched` leaves a test alone that does so on purpose.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

import pytest
import pytest_asyncio

from ..exchange import Exchange
from ..model import Consumer, Route
from ..plugin import Plugin
from ..snapshot.consumers import ConsumerIndex, LiveConsumers
from ..upstream.client import UpstreamClient
from . import builders
from .belongings import Belongings
from .blocking import Lookout
from .gateway import RunningGateway, running_gateway
from .upstream import FakeUpstream, fake_upstream

# What fails in the suite shall say why, as in anybody's own tests.
pytest.register_assert_rewrite("phasegate.testing.conformance")

P = TypeVar("P", bound=Plugin)
GatewayMaker = Callable[..., Awaitable[RunningGateway]]
ExchangeMaker = Callable[..., Exchange]
ConsumerMaker = Callable[[str, type[Plugin], Mapping[str, Any]], Consumer]
PhaseRunner = Callable[..., Awaitable[Any]]

_LIMIT = "phasegate_block_seconds"
_LOOKOUT = pytest.StashKey[Lookout]()


class Opener(Protocol):
    """What the fixture `opened` is."""

    async def __call__(
        self,
        cls: type[P],
        config: Mapping[str, Any] | None = None,
        *,
        metadata: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> P:
        """Return a plugin with a configuration that `open` was called on."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the setting of how long a plugin may hold up the event loop."""
    parser.addini(_LIMIT, "how many seconds a plugin may hold up the event loop", default="0.5")


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", "unwatched: plugins may block and leave things running in this test")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test in which a plugin has blocked the event loop, though nothing else went wrong."""
    result = yield
    lookout = item.stash.get(_LOOKOUT, None)
    if lookout is not None:
        _none_blocked(lookout)
    return result


@pytest.fixture
def clock() -> builders.FixedClock:
    """The clock of `opened` plugins: it stands still until `clock.advance(seconds)`."""
    return builders.FixedClock()


@pytest.fixture
def exchange(_exchanges: list[Exchange]) -> ExchangeMaker:
    """What makes exchanges, given what `make_request` takes, and `route` and `prefix`; they are closed with the test."""

    def make(*request: Any, route: Route | None = None, prefix: str | None = None, **options: Any) -> Exchange:
        made = builders.make_exchange(builders.make_request(*request, **options), route=route, prefix=prefix)
        _exchanges.append(made)
        return made

    return make


@pytest.fixture
def consumer(_consumers: LiveConsumers) -> ConsumerMaker:
    """What makes consumers known to `opened` plugins, given a username, the auth plugin, and the credential."""
    known: list[Consumer] = []
    keys: dict[str, str] = {}

    def make(username: str, plugin: type[Plugin], credential: Mapping[str, Any]) -> Consumer:
        known.append(builders.make_consumer(username, plugin, credential))
        if plugin.consumer_key:
            keys[plugin.name] = plugin.consumer_key
        _consumers.index = ConsumerIndex(known, keys)
        return known[-1]

    return make


@pytest.fixture
def run_phase() -> PhaseRunner:
    """What runs a phase of an opened plugin, given the plugin, the name of the phase, and the exchange."""
    return builders.run_phase


@pytest_asyncio.fixture
async def opened(
    clock: builders.FixedClock,
    _consumers: LiveConsumers,
    _exchanges: list[Exchange],
    watched: None,  # noqa: ARG001 (what it looks after begins here)
) -> AsyncIterator[Opener]:
    """What opens plugins, given the class and a configuration; they are closed with the test.

    They get the fixture `clock`, the consumers of the fixture `consumer`, and a client.
    """
    client = UpstreamClient()
    plugins: list[Plugin] = []

    async def open_plugin(
        cls: type[P],
        config: Mapping[str, Any] | None = None,
        *,
        metadata: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> P:
        plugin = builders.make_plugin(cls, config)
        services = builders.make_services(client=client, directory=_consumers, clock=clock, metadata=metadata)
        await plugin.open(services)
        plugins.append(plugin)
        return plugin

    yield open_plugin
    for made in _exchanges:
        made.close()
    for plugin in reversed(plugins):
        await plugin.close()
    await client.close()


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    """A scripted upstream on a free port."""
    async with fake_upstream() as server:
        yield server


@pytest.fixture
def gateway(_gateways: GatewayMaker) -> GatewayMaker:
    """What starts gateways, given a document and plugin classes; they stop with the test."""
    return _gateways


@pytest.fixture
def start_gateway(_gateways: GatewayMaker) -> GatewayMaker:
    """The fixture `gateway` by another name, for tests that call what it starts so."""
    return _gateways


@pytest_asyncio.fixture
async def _gateways(watched: None) -> AsyncIterator[GatewayMaker]:  # noqa: ARG001 (what it looks after begins here)
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            document: Mapping[str, Any], plugins: Iterable[type[Plugin]] = (), **settings: Any
        ) -> RunningGateway:
            return await stack.enter_async_context(running_gateway(document, plugins, **settings))

        yield start


@pytest.fixture
def _consumers() -> LiveConsumers:
    return LiveConsumers()


@pytest.fixture
def _exchanges() -> Iterator[list[Exchange]]:
    made: list[Exchange] = []
    yield made
    for one in made:
        one.close()


@pytest_asyncio.fixture
async def watched(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Fail the test for what its plugins block and leave behind: `opened` and `gateway` ask for it by themselves."""
    if request.node.get_closest_marker("unwatched"):
        yield
        return
    lookout = request.node.stash[_LOOKOUT] = Lookout(float(request.config.getini(_LIMIT)))
    belongings = Belongings()
    try:
        yield
        left = await belongings.left()
    finally:
        belongings.close()
        lookout.close()
    _none_blocked(lookout)
    if left:
        pytest.fail("a plugin is closed and has left\n" + "\n".join(dict.fromkeys(left)), pytrace=False)


def _none_blocked(lookout: Lookout) -> None:
    found, lookout.found = lookout.found, []
    if found:
        pytest.fail("\n".join(found), pytrace=False)
