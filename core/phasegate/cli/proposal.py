"""A file and a gateway brought together: the plan, the writes that carry it out, what it means for requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import CommandError, ConfigError
from ..store.file import FileSource
from ..store.records import Key, Value
from .admin_client import AdminClient
from .document import wanted
from .filled_in import kinds_in_doubt, unquoted, with_types
from .landscape import Landscape
from .plan import Plan, needed, plan_of, writes
from .traffic import Traffic


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan, the writes that carry it out, and what it means for traffic."""

    plan: Plan
    writes: list[dict[str, Any]] = field(repr=False)
    traffic: Traffic = field(repr=False)


def resources_of(file: Path) -> dict[Key, Value]:
    """Return the resources that a file lists. Raise ConfigError."""
    try:
        return wanted(FileSource(file).load())
    except ConfigError as error:
        raise error.of(str(file)) from error


async def propose(api: AdminClient, resources: Mapping[Key, Value]) -> Proposal:
    """Return what makes a gateway's store hold these resources. Raise CommandError, also for what it would refuse."""
    async with api:
        stored = await api.read()
        typed = with_types(resources, await api.schemas(kinds_in_doubt(resources)))
        every = writes(typed, stored.store)
        plan = plan_of(stored.revision, await _attempt(api, every, stored.revision, resources), resources)
        landscape = Landscape({**stored.file, **stored.store}, frozenset(stored.file))
        traffic = Traffic(plan, landscape, await api.auth_plugins())
    return Proposal(plan, needed(every, plan), traffic)


async def make(api: AdminClient, proposal: Proposal, note: str) -> int:
    """Carry a proposal out and return the revision that it became. Raise CommandError."""
    async with api:
        return await api.make(proposal.writes, proposal.plan.revision, note)


async def _attempt(
    api: AdminClient, every: Sequence[Mapping[str, Any]], revision: int, resources: Mapping[Key, Value]
) -> list[Mapping[str, Any]]:
    try:
        return await api.attempt(every, revision)
    except CommandError as error:
        # The gateway does not know what came out of the environment, and quotes it.
        raise type(error)(unquoted(str(error), resources)) from error
