"""What `phasegate doctor` looks at, and all of it looked at, side by side and each step for a bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import orjson

from ..diagnosis import Diagnosis
from ..plugin import Plugin, Services
from ..snapshot import Snapshot
from ..snapshot.instances import Holder
from ..upstream.call import Origin
from ..upstream.client import UpstreamClient
from ..upstream.probe import Probe, without_user
from .services import services_of

_AT_ONCE = 32

Look = Callable[[Services], AsyncIterator[Diagnosis]]


@dataclass(slots=True)
class Subject:
    """One thing to look at, with the resources that use it."""

    title: str
    used_by: list[str]
    look: Look


@dataclass(frozen=True, slots=True)
class Examined:
    """One thing that was looked at, and what was found."""

    title: str
    used_by: tuple[str, ...]
    diagnoses: tuple[Diagnosis, ...]


async def examined(snapshot: Snapshot, seconds: float) -> list[Examined]:
    """Return what is found out about everything that a snapshot calls; each step may take `seconds`.

    No plugin is opened for it.
    """
    client, places = UpstreamClient(), asyncio.Semaphore(_AT_ONCE)

    async def examine(subject: Subject) -> Examined:
        look = subject.look(services_of(snapshot, client, "doctor"))
        async with places:
            found = [diagnosis async for diagnosis in _bounded(look, seconds)]
        return Examined(subject.title, tuple(dict.fromkeys(subject.used_by)), tuple(found))

    try:
        found = await asyncio.gather(*map(examine, subjects(snapshot, seconds)))
    finally:
        await client.close()
    return [one for one in found if one.diagnoses]


def subjects(snapshot: Snapshot, seconds: float) -> list[Subject]:
    """Return where requests may go, each place once, then the plugins that look into themselves, equal ones once."""
    places: dict[object, Subject] = {}
    plugins: dict[object, Subject] = {}
    for owner, holder in _holders(snapshot):
        instance = holder.instance
        origins = _origins(instance)
        if isinstance(origins, Diagnosis):
            plugins[owner, instance.name] = Subject(instance.name, [owner], _saying(origins))
            continue
        for origin in origins:
            seen = (origin.scheme, origin.address, origin.connection.tls, origin.connection.tls_name)
            place = places.setdefault(seen, Subject(_titled(origin), [], _way_to(origin, seconds)))
            place.used_by.append(owner)
        if type(instance).diagnose is not Plugin.diagnose:
            alike = instance.name, orjson.dumps(holder.made_of, option=orjson.OPT_SORT_KEYS, default=str)
            plugins.setdefault(alike, Subject(_named(instance), [], instance.diagnose)).used_by.append(owner)
    return [*places.values(), *plugins.values()]


def _holders(snapshot: Snapshot) -> Iterator[tuple[str, Holder]]:
    """Yield every plugin instance after the resource that it belongs to."""
    for (first, second, *_), holder in snapshot.chains.instances.holders.items():
        # A route's `forward` is held by the upstream, whoever uses it.
        yield str(second if first == holder.instance.name else first), holder


def _origins(instance: Plugin) -> tuple[Origin, ...] | Diagnosis:
    """Return where an instance connects to, or what is to be said where it can't tell."""
    try:
        return tuple(instance.connects_to())
    except Exception as error:  # noqa: BLE001 (a plugin may raise anything, with a secret in it)
        message = f"the plugin can't say where it connects: {type(error).__name__}"
        return Diagnosis("check", message, "error", "tell its author")


def _saying(diagnosis: Diagnosis) -> Look:
    async def look(_: Services) -> AsyncIterator[Diagnosis]:
        yield diagnosis

    return look


def _titled(origin: Origin) -> str:
    name = origin.connection.tls_name if origin.scheme == "https" else None
    return f"{origin.scheme}://{without_user(origin.address)}" + (f" as {name}" if name else "")


def _named(instance: Plugin) -> str:
    destination = instance.destination()
    return instance.name if destination is None else f"{instance.name}: {destination}"


def _way_to(origin: Origin, seconds: float) -> Look:
    return lambda services: Probe(origin, seconds, services.clock.time).look()


async def _bounded(found: AsyncIterator[Diagnosis], seconds: float) -> AsyncIterator[Diagnosis]:
    """Yield what is found, for as long as each step ends in time and none raises.

    A look that bounds its own steps is given a moment more, to say itself what was late.
    """
    while True:
        try:
            async with asyncio.timeout(2 * seconds + 1):
                diagnosis = await anext(found, None)
        except TimeoutError:
            yield Diagnosis(
                "check", f"takes over {2 * seconds:g} s", "error", "see whether what it asks can be reached"
            )
            return
        except Exception as error:  # noqa: BLE001 (a plugin may raise anything, with a secret in it)
            yield Diagnosis("check", f"the plugin can't look: {type(error).__name__}", "error", "tell its author")
            return
        if diagnosis is None:
            return
        yield diagnosis
