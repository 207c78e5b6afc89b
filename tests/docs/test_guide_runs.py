"""The code of the plugin guide and of the README, run as it stands there."""

import hashlib
import hmac
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from phasegate import ConfigError, FunctionFacts, Plugin, Response, UpstreamFacts
from phasegate.contract import misuses
from phasegate.testing import (
    FakeUpstream,
    Reply,
    fixtures,
    make_exchange,
    make_plugin,
    make_request,
    make_services,
    run_phase,
)
from phasegate.testing.fixtures import ExchangeMaker, GatewayMaker, Opener, PhaseRunner

ROOT = Path(__file__).resolve().parent.parent.parent
# `start_gateway` is `gateway` by another name.
FIXTURES = [
    name
    for name, value in vars(fixtures).items()
    if type(value).__name__ == "FixtureFunctionDefinition" and not name.startswith(("_", "start_"))
]


def python_blocks(page: str) -> list[str]:
    text = (ROOT / page).read_text()
    found: list[str] = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return found


def run(page: str) -> ModuleType:
    """Run every Python block of a page in one module, in order."""
    module = ModuleType(re.sub(r"\W", "_", page))
    sys.modules[module.__name__] = module
    for block in python_blocks(page):
        exec(compile(block, page, "exec"), vars(module))
    return module


@pytest.fixture(scope="module")
def guide() -> ModuleType:
    return run("docs/writing-a-plugin.md")


@pytest.fixture(scope="module")
def readme() -> ModuleType:
    return run("README.md")


def plugins(module: ModuleType) -> list[type[Plugin]]:
    classes: list[Any] = [value for value in vars(module).values() if isinstance(value, type)]
    return [cls for cls in classes if issubclass(cls, Plugin) and "name" in vars(cls)]


def test_every_plugin_of_the_guide_keeps_the_contract(guide: ModuleType, readme: ModuleType) -> None:
    found = [*plugins(guide), *plugins(readme)]
    assert {cls.name for cls in found} == {
        *("quota", "between", "region", "shout", "function-metrics", "audit"),
        *("made-up-functions", "signed-links", "fetched-functions", "hello"),
    }
    assert [finding for cls in found for finding in misuses(cls)] == []


async def test_the_readme_s_plugin_greets(readme: ModuleType) -> None:
    plugin = make_plugin(readme.Hello, {"greeting": "Good day"})
    answer = await run_phase(plugin, "proxy", make_exchange(make_request(target="/?name=you")))
    assert answer.body == b"Good day, you!"


def test_the_guide_s_check_finds_what_the_schema_can_not_see(guide: ModuleType) -> None:
    with pytest.raises(ConfigError, match=r"between.high: must be over low, 5 \(got 3\)"):
        make_plugin(guide.Between, {"low": 5, "high": 3})


async def test_the_guide_s_first_test_passes(
    guide: ModuleType, opened: Opener, run_phase: PhaseRunner, exchange: ExchangeMaker
) -> None:
    await guide.test_the_third_request_is_turned_away(opened, run_phase, exchange)


async def test_the_guide_s_second_test_passes(guide: ModuleType, gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    await guide.test_a_shouted_answer(gateway, upstream)


@pytest.mark.parametrize("fixture", FIXTURES)
def test_every_fixture_is_in_the_guide(fixture: str) -> None:
    assert re.search(rf"^\| `{fixture}(\(.*\))?` \|", (ROOT / "docs/writing-a-plugin.md").read_text(), re.MULTILINE)


async def test_the_guide_s_plugin_reads_its_metadata(guide: ModuleType) -> None:
    plugin, answer = make_plugin(guide.Region), Response.text("hello")
    await plugin.open(make_services(metadata={"region": {"region": "north"}}))
    await run_phase(plugin, "response", make_exchange(), answer)
    assert answer.headers.get("x-region") == "north"


async def test_the_guide_s_vendor_authorizes(
    guide: ModuleType, start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    plugin = make_plugin(guide.MadeUpFunctions, {"function_uri": upstream.url, "token": "t"})
    services = make_services()
    await plugin.open(services)
    exchange = make_exchange()
    await run_phase(plugin, "proxy", exchange)
    exchange.close()
    await services.client.close()
    assert upstream.received[0].get("x-made-up-token") == "t"


async def test_the_guide_s_token_is_fetched_and_sent(
    guide: ModuleType, start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    config = {"function_uri": upstream.url, "account": "jack"}
    routes = [{"id": "r", "uri": "/", "plugins": {"fetched-functions": config}}]
    gateway = await start_gateway({"routes": routes}, [guide.FetchedFunctions])
    async with httpx.AsyncClient() as client:
        await client.get(gateway.url)
    assert upstream.received[0].get("authorization") == "Bearer token-of-jack"


async def test_the_guide_s_signature_stands_last_in_the_query(
    guide: ModuleType, gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    config = {"function_uri": f"{upstream.url}/fn", "secret": "s3cret"}
    running = await gateway(
        {"routes": [{"id": "r", "uri": "/*", "plugins": {"signed-links": config}}]}, [guide.SignedLinks]
    )
    await running.get("/a?sig=forged&b=c&%73ig=forged")
    await running.get("/a")
    expected = hmac.new(b"s3cret", b"/fn/a?b=c", hashlib.sha256).hexdigest()
    assert upstream.received[0].target == f"/fn/a?b=c&sig={expected}"
    assert upstream.received[1].target.startswith("/fn/a?sig=")
    assert upstream.received[0].get("x-tenant") == "nobody"


async def test_the_guide_s_vendor_passes_a_test_of_the_suite(
    guide: ModuleType, start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    await guide.TestMadeUpFunctions().test_the_clients_own_credentials_do_not_arrive(start_gateway, upstream)


def test_the_page_s_function_answers() -> None:
    namespace: dict[str, Any] = {}
    for block in python_blocks("docs/aws-lambda.md"):
        exec(compile(block, "docs/aws-lambda.md", "exec"), namespace)
    handler: Callable[[Any, Any], Any] = namespace["handler"]
    assert handler({"queryStringParameters": {"name": "you"}}, None)["body"] == '"Hello, you!"'


async def test_the_guide_s_metrics_add_up_what_functions_cost(guide: ModuleType) -> None:
    plugin = make_plugin(guide.FunctionMetrics)
    told: list[FunctionFacts | None] = [{"billed_ms": 113, "cold_start": True}, {"billed_ms": 12.4}, None]
    for facts in told:
        exchange = make_exchange()
        exchange.upstream = UpstreamFacts("h", function=facts)
        await run_phase(plugin, "log", exchange)
    assert plugin.totals == {"runs": 2, "cold_starts": 1, "billed_ms": 125}


@pytest.mark.parametrize(("status", "level"), [(200, "ok"), (503, "error")])
async def test_the_guide_s_plugin_tells_the_doctor(
    guide: ModuleType, upstream: FakeUpstream, status: int, level: str
) -> None:
    upstream.reply(Reply(status=status))
    plugin = make_plugin(guide.Audit, {"url": upstream.url})
    found = [diagnosis async for diagnosis in plugin.diagnose(make_services())]
    assert [diagnosis.level for diagnosis in found] == [level]
    assert [origin.address for origin in plugin.connects_to()] == [upstream.address]
