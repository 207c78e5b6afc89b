"""Explained exchanges and the snapshots that they are answered by."""

import pytest

from phasegate.application import finish
from phasegate.explain.report import Told
from phasegate.gateway import Gateway
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.testing import make_request
from tests.zoo import Lives


async def test_a_snapshot_stays_until_what_it_answered_is_told() -> None:
    Lives.events.clear()
    gateway = Gateway(Schemas(Registry([Lives])))
    route = {"id": "r", "uri": "/", "plugins": {"lives": {"tag": "a"}}}
    gateway.swap(await gateway.prepare({"routes": [route]}))
    told: list[tuple[Told, list[str]]] = []
    passage = gateway.explaining(make_request(), lambda one: told.append((one, list(Lives.events))))
    await passage.answer()
    gateway.swap(await gateway.prepare({}))
    await finish(passage, None, 0)
    ((explanation, events),) = told
    assert explanation["route"]["id"] == "r"
    assert events == ["open a"]
    await gateway.close()
    assert Lives.events == ["open a", "close a"]


async def test_one_that_can_not_be_told_lets_its_snapshot_go() -> None:
    gateway = Gateway(Schemas(Registry([Lives])))
    snapshot = await gateway.prepare({})
    gateway.swap(snapshot)

    def fail(_: Told) -> None:
        raise RuntimeError("nobody listens")

    passage = gateway.explaining(make_request(), fail)
    await passage.answer()
    with pytest.raises(RuntimeError):
        await finish(passage, None, 0)
    assert snapshot.users == 0
    await gateway.close()
