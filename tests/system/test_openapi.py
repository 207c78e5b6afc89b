"""The Admin API as its description says: schemathesis makes requests up, good ones and bad ones, and judges the answers."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from phasegate.admin.openapi import describe
from phasegate.admin.operations import Operation, operations
from phasegate.admin.shapes import EXAMPLES
from phasegate.registry import Registry
from phasegate.schema.published import PublishedSchemas
from tests.desk import ADMIN_KEY, Node, running_node
from tests.zoo import Witness, variant

schemathesis = pytest.importorskip("schemathesis")

from schemathesis.checks import not_a_server_error  # noqa: E402 (there only where schemathesis is)
from schemathesis.generation import GenerationMode  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TELLER = variant(Witness, name="teller", metadata_schema={"text": {"type": "string"}})
PLUGINS = [*Registry.load(["key-auth", "aws-lambda"]).classes.values(), TELLER]
SCHEMA = schemathesis.openapi.from_dict(describe(PublishedSchemas(Registry(PLUGINS))))
BOUNDED = settings(
    max_examples=4,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
THERE = {"id": "1", "username": "jack", "plugin": "teller", "type": "routes", "number": 1, "key": "desc"}


async def populate(node: Node) -> None:
    """Make one resource of each kind that an example is known for, under the id that `THERE` has."""
    for kind in ("upstreams", "services", "plugin_configs", "consumer_groups", "global_rules", "routes"):
        name = "".join(word.title() for word in kind.removesuffix("s").split("_"))
        assert (await node.admin.put(f"/{kind}/1", json=EXAMPLES[name])).status_code == 201
    assert (await node.admin.put("/consumers/jack", json=EXAMPLES["Consumer"])).status_code == 201


def drive(operation: Operation, node: Node, mode: Any, *, aimed: bool = False) -> None:
    """Send requests that schemathesis makes up for an operation, and judge each answer.

    Aimed ones are for what is there, have a body that is taken, and name no state that the resource has to be in.
    """
    made_up = SCHEMA[operation.path][operation.verb]
    path = {name: THERE[name] for name in operation.arguments if name in THERE}
    body = {"body": EXAMPLES[operation.body]} if operation.body in EXAMPLES else {}

    @BOUNDED
    @given(case=made_up.as_strategy(mode, path_parameters=path, **body) if aimed else made_up.as_strategy(mode))
    def send(case: Any) -> None:
        for name in ("If-Match", "If-None-Match") if aimed else ():
            case.headers.pop(name, None)
        case.call_and_validate(
            base_url=f"{node.admin_url}/apisix/admin", headers={"x-api-key": ADMIN_KEY}, checks=CHECKS, timeout=10
        )

    send()


@pytest.mark.parametrize("operation", list(operations()), ids=lambda operation: operation.id)
async def test_answers_are_those_of_the_description(operation: Operation) -> None:
    async with running_node(plugins=PLUGINS) as node:
        await populate(node)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            await asyncio.to_thread(drive, operation, node, mode)
        await asyncio.to_thread(drive, operation, node, GenerationMode.POSITIVE, aimed=True)
