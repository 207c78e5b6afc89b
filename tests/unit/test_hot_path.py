"""What a request costs, counted in bytecode instructions, which no loaded machine changes: speed can't be lost unseen.

Who adds to the hot path on purpose raises the number here, and says in the commit what it is for; who makes it shorter
lowers it. `valgrind --tool=callgrind python -m tests.hot_path api-key COUNT` counts what C code adds.
"""

import gc
import sys

import pytest

from tests.hot_path import bytecodes, hot_path

# What is kept in caches, and which way a set goes, differs a little between runs.
MARGIN = 0.02
KEY_AUTH = 350

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11) or sys.implementation.name != "cpython",
    reason="the numbers are those of CPython 3.11's bytecode",
)


@pytest.mark.parametrize(
    ("kind", "instructions"),
    [("forward", 2429), ("parsed", 3090), ("api-key", 2600), ("sigv4", 2914), ("h2c", 3796)],
)
async def test_a_request_costs_no_more_than_it_did(kind: str, instructions: int) -> None:
    async with hot_path(kind) as path:
        found = min([await bytecodes(path) for _ in range(3)])
    assert found <= instructions * (1 + MARGIN)
    assert found >= instructions * (1 - MARGIN), f"a request takes {found:.0f} now: lower the number"


async def test_key_auth_adds_no_more_than_it_did() -> None:
    async with hot_path("forward") as path, hot_path("key-auth") as keyed:
        added = min([await bytecodes(keyed) for _ in range(3)]) - min([await bytecodes(path) for _ in range(3)])
    assert added <= KEY_AUTH + 20
    assert added >= KEY_AUTH - 20, f"it adds {added:.0f} now: lower the number"


@pytest.mark.parametrize("kind", ["forward", "sigv4"])
async def test_a_request_leaves_the_collector_nothing(kind: str) -> None:
    async with hot_path(kind) as path:
        gc.collect()
        gc.disable()
        try:
            await path.serve(500)
            assert gc.collect() < 50
        finally:
            gc.enable()
