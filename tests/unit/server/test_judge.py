"""What judges states tells doubts once, and keeps to what it judged by until something else is good."""

import logging
from typing import Any

import pytest

from phasegate import ConfigError, Finding
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.server.judge import Judge
from phasegate.server.state import State

NODES = {"nodes": {"127.0.0.1:1980": 1}}
DOUBTFUL: dict[str, Any] = {"routes": [{"id": "r", "uri": "/r"}]}
NOTHING: dict[str, Any] = {"routes": []}
GUARDED = State({"routes": [{"id": "r", "uri": "/r", "upstream": NODES, "plugins": {"key-auth": {}}}]})


def schemas(*plugins: str) -> Schemas:
    return Schemas(Registry.load(plugins))


async def test_a_doubt_is_told_once_and_again_when_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    judge = Judge(schemas(), "routes.yaml")
    with caplog.at_level(logging.WARNING):
        for document in (DOUBTFUL, DOUBTFUL, NOTHING, DOUBTFUL):
            judge.accept(await judge.judge(State(document)))
    told = [(vars(line)["file"], vars(line)["path"]) for line in caplog.records]
    assert told == [("routes.yaml", "routes[0]")] * 2


async def test_schemas_that_do_not_fit_what_is_served_are_not_adopted() -> None:
    former = schemas("key-auth")
    judge = Judge(former, "routes.yaml")
    with pytest.raises(ConfigError, match="key-auth"):
        await judge.adopt(schemas(), GUARDED)
    await judge.judge(GUARDED)
    assert await judge.adopt(schemas("key-auth"), GUARDED) is former


async def test_warming_up_judges_what_nobody_has() -> None:
    judge = Judge(schemas(), "routes.yaml")
    with pytest.raises(ConfigError, match="key-auth"):
        await judge.warm_up(GUARDED)
    judge.accept(await judge.judge(State()))
    await judge.warm_up(GUARDED)


def test_records_have_their_origin_in_the_store() -> None:
    judge = Judge(schemas(), "routes.yaml")
    assert judge.origin([Finding("routes/1.uri", "x"), Finding("consumers/a.b", "x")]) == "store"
    assert judge.origin([Finding("routes/1.uri", "x"), Finding("routes[0].uri", "x")]) == "routes.yaml"
