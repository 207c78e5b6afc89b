"""Who holds which instance, against the plain rule: an instance is closed when no open snapshot holds it."""

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate import Exchange, Plugin, Services, hookimpl
from phasegate.snapshot.instances import Instances
from phasegate.testing import make_services


@dataclass(kw_only=True, eq=False)
class Counted(Plugin):
    name: ClassVar[str] = "counted"
    opened: int = 0
    closed: int = 0

    async def open(self, services: Services) -> None:
        self.opened += 1

    async def close(self) -> None:
        self.closed += 1

    @hookimpl
    async def log(self, exchange: Exchange) -> None: ...


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("grow"), st.integers(0, 5), st.dictionaries(st.sampled_from("abc"), st.integers(0, 1))),
        st.tuples(st.just("release"), st.integers(0, 5), st.none()),
    ),
    max_size=20,
)


@settings(max_examples=200, deadline=None)
@given(OPERATIONS)
async def test_an_instance_is_open_exactly_while_an_open_snapshot_holds_it(operations: list[Any]) -> None:
    living: list[tuple[Instances, dict[str, int]]] = [(Instances(), {})]
    await living[0][0].open(lambda plugin: make_services())
    made: list[Counted] = []
    for operation, choice, wanted in operations:
        if operation == "release" and len(living) > 1:
            await living.pop(choice % len(living))[0].release()
        elif operation == "grow":
            base, had = living[choice % len(living)]
            living.append((await grown(base, had, wanted, made), wanted))
        held = {holder.instance for instances, _ in living for holder in instances.holders.values()}
        assert {plugin for plugin in made if plugin.opened and not plugin.closed} == held
        assert all(plugin.closed <= plugin.opened <= 1 for plugin in made)


async def grown(base: Instances, had: dict[str, int], wanted: dict[str, int], made: list[Counted]) -> Instances:
    def make() -> Counted:
        made.append(Counted())
        return made[-1]

    instances = base.fork()
    for name, value in wanted.items():
        instances.take((name,), value, name, make)
    for name in had:
        instances.drop((name,))
    await instances.open(lambda plugin: make_services())
    return instances


async def test_an_instance_that_several_took_stays_until_the_last_drops_it() -> None:
    instances = Instances()
    for _ in range(3):
        instances.take(("a",), 1, "a", Counted)
    for _ in range(2):
        instances.drop(("a",))
        assert instances.find(("a",)).name == "counted"
    instances.drop(("a",))
    with pytest.raises(KeyError):
        instances.find(("a",))
