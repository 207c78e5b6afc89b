"""One configuration, whole: the router, a pipeline for each route, and the plugin instances they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from ..environment import shown
from ..errors import Finding
from ..model import Consumer, Route
from ..pipeline import Pipeline
from ..plugin import Plugin, Services
from ..router import Router
from ..schema.tables import Schemas
from ..store.records import Key, Record
from .certificates import Certificates, served
from .chains import Chains
from .consumers import ConsumerIndex
from .inventory import Inventory, Sources
from .resolve import Resolved, resolving
from .slices import Steps, drained, sliced

_NOTHING: Mapping[Any, Any] = {}


class Snapshot:
    """What the gateway answers by at one moment. Built off to the side, opened, then swapped in; never changed.

    `document` is the file's, `records` are the store's; `references` has the values of texts such as `$env://NAME`. None of
    them may be changed later. What is as it was in the previous snapshot is taken over from it. Raise ConfigError with every finding when anything is refused.
    """

    schemas: Schemas
    resolved: Resolved
    chains: Chains
    router: Router
    index: ConsumerIndex
    certificates: Certificates
    pipeline: Callable[[Route | None], Pipeline]
    """Returns the pipeline of a route; of None, what runs where no route matches."""
    pipeline_for: Callable[[Route | None, Consumer], Pipeline]
    """Returns the pipeline of a route for a consumer, whose own plugins take precedence there.

    A consumer that came with a newer snapshot has no say in this one.
    """
    users: int
    """How many exchanges answer by this snapshot, with the snapshots that are built upon it.

    Who has many of them counts here in place of `acquire`, and of `release` as long as it is not `retired`.
    """
    retired: Callable[[], None] | None
    """What is called once nobody uses it any more."""

    def __init__(
        self,
        document: Mapping[str, Any],
        schemas: Schemas,
        previous: Snapshot | None = None,
        *,
        records: Mapping[Key, Record] = _NOTHING,
        references: Mapping[str, str] = _NOTHING,
    ) -> None:
        drained(self._building(Sources(document, records, references), schemas, previous))

    @classmethod
    async def build(cls, sources: Sources, schemas: Schemas, previous: Snapshot | None = None) -> Snapshot:
        """Return a snapshot, built in slices between which the event loop goes on. Raise ConfigError."""
        snapshot = cls.__new__(cls)
        await sliced(cls._building(snapshot, sources, schemas, previous))
        return snapshot

    def _building(self, sources: Sources, schemas: Schemas, previous: Snapshot | None) -> Steps[None]:
        base = previous if previous is not None and previous.schemas is schemas else None
        former = base.resolved if base else Resolved(inventory=Inventory.empty(schemas))
        resolved = yield from resolving(sources, schemas, former)
        yield
        chains = base.chains.fork() if base else Chains(schemas)
        yield
        yield from chains.changing(resolved, former)
        router = yield from _rerouting(base.router if base else Router(), resolved, former)
        keys = schemas.plugins.consumer_keys
        index = yield from _reindexing(base.index if base else ConsumerIndex(key_fields=keys), resolved, former)
        self.schemas, self.resolved, self.chains, self.router, self.index = schemas, resolved, chains, router, index
        self.pipeline, self.pipeline_for = chains.of, chains.of_consumer
        self.certificates = _certificates(base, resolved)
        self.users = 0
        self.retired = None

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes that are served: the file's in its order, then the store's from the oldest."""
        return tuple(sorted(self._served(), key=_age))

    @cached_property
    def warnings(self) -> tuple[Finding, ...]:
        """What is valid and yet doubtful."""
        return (*self.resolved.warnings, *self._unanswered(), *self._strangers())

    def metadata(self, plugin: str) -> Mapping[str, Any] | None:
        """Return what a plugin was given beyond its configurations, None where nothing was."""
        found = self.resolved.metadata.get(plugin)
        return None if found is None else found.value["metadata"]

    async def open(self, services: Callable[[Plugin], Services]) -> None:
        """Open every plugin instance that the previous snapshot did not have. Raise ConfigError when one fails."""
        await self.chains.instances.open(services)

    async def close(self) -> None:
        """Close the instances that no newer snapshot has taken over."""
        await self.chains.instances.release()
        if self.users == 0:
            await sliced(self.chains.emptying())

    def acquire(self) -> None:
        """Count an exchange that answers by this snapshot, or a snapshot that is built upon it."""
        self.users += 1

    def release(self) -> None:
        """Count it off again; the last one of a retired snapshot lets it go."""
        self.users -= 1
        if self.users == 0 and self.retired is not None:
            retired, self.retired = self.retired, None
            retired()

    def retire(self, then: Callable[[], None]) -> None:
        """Call `then` once no exchange answers by this snapshot any more."""
        if self.users == 0:
            then()
        else:
            self.retired = then

    def _served(self) -> Iterator[Route]:
        return (route for route in self.resolved.routes.values.values() if route is not None)

    def _unanswered(self) -> Iterator[Finding]:
        # Sorted afterwards: there are few of them, and routes may be many.
        for route in sorted(filter(self._is_unanswered, self._served()), key=_age):
            message = "has neither an upstream nor a plugin that could answer: its requests get 503"
            yield Finding(route.path, message, "warning")

    def _strangers(self) -> Iterator[Finding]:
        entries = [*self.resolved.global_entries, *(entry for route in self._served() for entry in route.plugins)]
        named = {
            entry.path: entry.config["anonymous_consumer"] for entry in entries if "anonymous_consumer" in entry.config
        }
        for path in sorted(named):
            if named[path] not in self.resolved.consumers.values:
                message = f"names no consumer ({shown(named[path])}): requests without a credential get 401"
                yield Finding(f"{path}.anonymous_consumer", message, "warning")

    def _is_unanswered(self, route: Route) -> bool:
        pipeline = self.pipeline(route)
        return not (pipeline.proxy or pipeline.access or pipeline.rewrite)


def _age(route: Route) -> tuple[bool, int, str]:
    return route.source == "admin", route.order, route.id


def _certificates(base: Snapshot | None, resolved: Resolved) -> Certificates:
    if base is not None and not resolved.certificates.changed:
        return base.certificates
    return Certificates(served(resolved.certificates))


def _rerouting(router: Router, resolved: Resolved, former: Resolved) -> Steps[Router]:
    if not resolved.routes.changed:
        return router
    router = router.fork()
    old, new = former.routes.values, resolved.routes.values
    for id_ in resolved.routes.changed:
        before, after = old.get(id_), new.get(id_)
        if before is not None:
            router.remove(before)
        if after is not None:
            router.add(after)
        yield
    return router


def _reindexing(index: ConsumerIndex, resolved: Resolved, former: Resolved) -> Steps[ConsumerIndex]:
    changed = resolved.consumers.changed
    if not changed:
        return index
    index = index.fork()
    old, new = former.consumers.values, resolved.consumers.values
    for id_ in changed & old.keys():
        index.remove(old[id_])
        yield
    for id_ in changed & new.keys():
        index.add(new[id_])
        yield
    return index
