"""The references in what is served, from one change to the next."""

from pathlib import Path

import pytest

from phasegate import ConfigError
from phasegate.references import Reach, References
from phasegate.server.reference_table import ReferenceTable
from phasegate.store.records import Key, Record

ENVIRONMENT = {"PHASEGATE_A": "1", "PHASEGATE_B": "2"}


@pytest.fixture
def table(tmp_path: Path) -> ReferenceTable:
    return ReferenceTable(References(Reach(env_prefixes=("PHASEGATE_",), file_roots=(), folder=tmp_path), ENVIRONMENT))


def records(**names: str) -> dict[Key, Record]:
    return {("routes", id_): Record("routes", id_, {"id": id_, "desc": text}, 1, 1) for id_, text in names.items()}


async def test_references_of_file_and_store_are_found(table: ReferenceTable) -> None:
    document = {"routes": [{"id": "b", "desc": "$env://PHASEGATE_B"}]}
    found = await table.table(document, records(a="$env://PHASEGATE_A"))
    assert found == {"$env://PHASEGATE_A": "1", "$env://PHASEGATE_B": "2"}


async def test_a_reference_of_a_record_that_stays_stays(table: ReferenceTable) -> None:
    first = records(a="$env://PHASEGATE_A")
    await table.table({}, first)
    assert await table.table({}, {**first, **records(b="text")}) == {"$env://PHASEGATE_A": "1"}


@pytest.mark.parametrize("after", [{}, {"a": "text"}])
async def test_a_reference_goes_with_its_record(table: ReferenceTable, after: dict[str, str]) -> None:
    await table.table({}, records(a="$env://PHASEGATE_A"))
    assert await table.table({}, records(**after)) == {}


async def test_a_replaced_record_has_its_new_reference(table: ReferenceTable) -> None:
    await table.table({}, records(a="$env://PHASEGATE_A"))
    assert await table.table({}, records(a="$env://PHASEGATE_B")) == {"$env://PHASEGATE_B": "2"}


async def test_a_reference_to_nothing_is_told_each_time(table: ReferenceTable) -> None:
    lost = records(a="$env://PHASEGATE_NONE")
    for _ in range(2):
        with pytest.raises(ConfigError, match="PHASEGATE_NONE"):
            await table.table({}, lost)
