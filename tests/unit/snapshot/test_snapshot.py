import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from phasegate import ConfigError, Exchange, Services
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.snapshot import Snapshot, Sources
from phasegate.testing import make_exchange, make_request, make_services
from tests.zoo import Answers, Lives, Token, Witness, noted

SCHEMAS = Schemas(Registry([Witness, Answers, Token, Lives]))


@pytest.fixture(autouse=True)
def no_events() -> Iterator[None]:
    Lives.events.clear()
    yield
    Lives.events.clear()


def lives(tag: str, **extra: Any) -> dict[str, Any]:
    return {"routes": [{"id": tag, "uri": f"/{tag}", "plugins": {"lives": {"tag": tag, **extra}}}]}


async def opened(document: dict[str, Any], previous: Snapshot | None = None) -> Snapshot:
    snapshot = Snapshot(document, SCHEMAS, previous)
    await snapshot.open(services)
    return snapshot


def services(plugin: object) -> Services:
    return make_services()


async def test_plugins_open_with_the_snapshot_and_close_when_none_uses_them() -> None:
    first = await opened(lives("a"))
    second = await opened(lives("b"), first)
    await first.close()
    await second.close()
    assert Lives.events == ["open a", "open b", "close a", "close b"]


async def test_an_instance_whose_configuration_did_not_change_is_kept() -> None:
    first = await opened(lives("a"))
    second = await opened({"routes": [*lives("b")["routes"], *lives("a")["routes"]]}, first)
    assert instance_of(first, "a") is instance_of(second, "a")
    await first.close()
    assert Lives.events == ["open a", "open b"]


async def test_an_instance_whose_configuration_changed_is_a_new_one() -> None:
    first = await opened(lives("a"))
    changed = lives("a")
    changed["routes"][0]["plugins"]["lives"]["tag"] = "a2"
    await opened(changed, first)
    await first.close()
    assert Lives.events == ["open a", "open a2", "close a"]


async def test_instances_are_not_shared_between_owners() -> None:
    routes = [{"id": name, "uri": f"/{name}", "plugins": {"lives": {"tag": "same"}}} for name in ("x", "y")]
    snapshot = await opened({"routes": routes})
    assert instance_of(snapshot, "x") is not instance_of(snapshot, "y")


async def test_routes_of_one_service_share_its_instance() -> None:
    service = {"id": "s", "plugins": {"lives": {"tag": "shared"}}}
    routes = [{"id": name, "uri": f"/{name}", "service_id": "s"} for name in ("x", "y")]
    snapshot = await opened({"services": [service], "routes": routes})
    assert instance_of(snapshot, "x") is instance_of(snapshot, "y")
    assert Lives.events == ["open shared"]


async def test_a_plugin_that_can_not_open_refuses_the_whole_document() -> None:
    first = await opened(lives("a"))
    broken = {"routes": [*lives("good")["routes"], *lives("bad", broken=True)["routes"]]}
    with pytest.raises(ConfigError) as caught:
        await opened(broken, first)
    told = "routes[1].plugins.lives: plugin lives can't be opened: OSError: no such database (zoo.py:"
    assert str(caught.value).startswith(told)
    assert Lives.events == ["open a", "open good", "close good"]


async def test_a_plugin_that_never_finishes_opening_refuses_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phasegate.snapshot.instances._OPEN_SECONDS", 0.01)
    with pytest.raises(
        ConfigError, match=r"routes\[0\]\.plugins\.lives: plugin lives can't be opened: it took over 0 s"
    ):
        await opened(lives("a", hangs=True))


async def test_a_snapshot_that_was_never_served_closes_what_it_alone_opened() -> None:
    first = await opened(lives("a"))
    candidate = await opened({"routes": [*lives("a")["routes"], *lives("b")["routes"]]}, first)
    await candidate.close()
    await first.close()
    assert Lives.events == ["open a", "open b", "close b", "close a"]


async def test_an_instance_stays_open_for_as_long_as_an_older_snapshot_is_in_use() -> None:
    oldest = await opened(lives("a"))
    between = await opened(lives("a"), oldest)
    newest = await opened(lives("b"), between)
    await between.close()
    assert Lives.events == ["open a", "open b"]
    await oldest.close()
    assert Lives.events == ["open a", "open b", "close a"]
    await newest.close()


async def test_routes_that_leave_a_service_one_by_one_leave_its_instance_open_to_the_last() -> None:
    service = {"id": "s", "plugins": {"lives": {"tag": "shared"}}}
    routes = [{"id": name, "uri": f"/{name}", "service_id": "s"} for name in ("x", "y")]
    snapshot = await opened({"services": [service], "routes": routes})
    for left in (routes[:1], []):
        former, snapshot = snapshot, await opened({"services": [service], "routes": left}, snapshot)
        await former.close()
        assert Lives.events == ["open shared", *(["close shared"] if not left else [])]


async def test_an_instance_stays_open_when_one_route_hands_its_service_over_to_another() -> None:
    service = {"id": "s", "plugins": {"lives": {"tag": "shared"}}}
    first = await opened({"services": [service], "routes": [{"id": "x", "uri": "/x", "service_id": "s"}]})
    second = await opened({"services": [service], "routes": [{"id": "y", "uri": "/y", "service_id": "s"}]}, first)
    await first.close()
    assert Lives.events == ["open shared"]
    await second.close()


async def test_a_snapshot_is_built_while_the_event_loop_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phasegate.snapshot.slices._SLICE_SECONDS", 0.0)
    rounds = 0

    async def count() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    routes = [{"id": str(number), "uri": f"/{number}"} for number in range(100)]
    await Snapshot.build(Sources({"routes": routes}), SCHEMAS)
    counting.cancel()
    assert rounds > 100


async def test_a_snapshot_in_use_is_let_go_by_its_last_exchange() -> None:
    snapshot = await opened(lives("a"))
    gone: list[str] = []
    snapshot.acquire()
    snapshot.acquire()
    snapshot.retire(lambda: gone.append("gone"))
    snapshot.release()
    assert not gone
    snapshot.release()
    assert gone == ["gone"]


async def test_an_unused_snapshot_is_let_go_at_once() -> None:
    gone: list[str] = []
    (await opened(lives("a"))).retire(lambda: gone.append("gone"))
    assert gone == ["gone"]


async def test_a_disabled_plugin_is_in_no_pipeline() -> None:
    document = lives("a")
    document["routes"][0]["plugins"]["lives"]["_meta"] = {"disable": True}
    snapshot = await opened(document)
    assert snapshot.pipeline(snapshot.routes[0]).proxy == ()
    assert Lives.events == []


async def test_meta_priority_changes_the_order_on_one_route() -> None:
    routes = [
        {
            "id": "r",
            "uri": "/",
            "plugins": {"answers": {"text": "first"}, "lives": {"tag": "t", "_meta": {"priority": 9}}},
        }
    ]
    snapshot = await opened({"routes": routes})
    assert [plugin for plugin, _ in snapshot.pipeline(snapshot.routes[0]).proxy] == ["lives", "answers"]


async def test_global_rules_run_first_and_where_no_route_matches() -> None:
    document = {
        "global_rules": [{"id": "g", "plugins": {"witness": {"mark": "global"}}}],
        "routes": [{"id": "r", "uri": "/", "plugins": {"witness": {"mark": "route", "_meta": {"priority": 99}}}}],
    }
    snapshot = await opened(document)
    exchange = make_exchange()
    await run_rewrite(snapshot, exchange, snapshot.routes[0])
    assert noted(exchange) == ["global.rewrite", "route.rewrite"]
    assert [plugin for plugin, _ in snapshot.pipeline(None).rewrite] == ["witness"]


async def test_a_consumers_own_plugin_takes_precedence() -> None:
    document = {
        "consumers": [{"username": "jack", "plugins": {"token": {"token": "x"}, "answers": {"text": "for jack"}}}],
        "routes": [{"id": "r", "uri": "/", "plugins": {"token": {}, "answers": {"text": "for all"}}}],
    }
    snapshot = await opened(document)
    found = snapshot.index.find("token", "x")
    assert found is not None
    steps = snapshot.pipeline_for(snapshot.routes[0], found[0]).proxy
    answer = await steps[0][1](make_exchange())
    assert answer.body == b"for jack"
    assert snapshot.pipeline_for(snapshot.routes[0], found[0]) is snapshot.pipeline_for(snapshot.routes[0], found[0])


async def test_a_consumer_of_a_newer_snapshot_has_no_say_in_an_older_one() -> None:
    older = await opened({"routes": [{"id": "r", "uri": "/", "plugins": {"answers": {"text": "for all"}}}]})
    newer = await opened(
        {"consumers": [{"username": "new", "plugins": {"token": {"token": "x"}, "answers": {"text": "for new"}}}]},
        older,
    )
    found = newer.index.find("token", "x")
    assert found is not None
    assert older.pipeline_for(older.routes[0], found[0]) is older.pipeline(older.routes[0])


def test_a_route_that_nobody_can_answer_is_warned_about() -> None:
    snapshot = Snapshot({"routes": [*lives("a")["routes"], {"id": "empty", "uri": "/empty"}]}, SCHEMAS)
    assert [finding.path for finding in snapshot.warnings] == ["routes[1]"]


def test_the_router_of_a_snapshot_finds_its_routes() -> None:
    snapshot = Snapshot(lives("a"), SCHEMAS)
    match = snapshot.router.match(make_request(target="/a"))
    assert match is not None
    assert match.route.id == "a"


async def run_rewrite(snapshot: Snapshot, exchange: Exchange, route: Any) -> None:
    for _, call in snapshot.pipeline(route).rewrite:
        await call(exchange)


def instance_of(snapshot: Snapshot, route_id: str) -> object:
    route = next(route for route in snapshot.routes if route.id == route_id)
    return snapshot.pipeline(route).proxy[0][1].__self__  # type: ignore[attr-defined]
