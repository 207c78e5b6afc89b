"""The secrets that are at hand while a request is answered: of its plugins, its caller, and where credentials stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..environment import FromEnvironment
from ..exchange import Exchange
from ..http.message import Request
from ..model import Consumer, PluginEntry
from ..schema.tables import Schemas
from ..sealing import SecretFields
from ..sealing.places import at, texts
from ..secret import Secret
from ..snapshot import Snapshot
from .veil import Veil, is_ordinary

_BEHIND = re.compile(r"(?<=[=\s])[^\s;,]+")
_SHORTEST_PART = 8
# No name of a field or an argument is longer.
_LONGEST_NAME = 64


class Secrets:
    """Knows by the schemas what is secret in configurations."""

    def __init__(self, schemas: Schemas) -> None:
        self._plugins = schemas.plugins
        self._fields = SecretFields(schemas)

    def veil(self, exchange: Exchange, snapshot: Snapshot) -> Veil:
        """Return what hides the credentials of an exchange.

        Where no route is taken nobody can say which arguments are credentials, so none is shown.
        """
        entries = entries_of(exchange, snapshot)
        names = self.places(entries)
        found = [*_presented(Request.of(exchange.received), Veil(names))]
        found += [secret for entry in entries for secret in self.of_entry(entry)]
        if exchange.consumer is not None:
            found += self._of_consumer(exchange.consumer)
        for owner in {entry.owner for entry in entries}:
            found += _filled_in(owner, snapshot)
        for name in {entry.name for entry in entries}:
            found += _inside(snapshot.metadata(name))
        return Veil(names, found, all_arguments=exchange.route is None)

    def of_entry(self, entry: PluginEntry) -> Iterator[str]:
        """Yield the secrets of a plugin's configuration."""
        yield from self._secret_texts(("routes", ""), entry.name, entry.config)

    def places(self, entries: Iterable[PluginEntry]) -> set[str]:
        """Return the names of fields, arguments and cookies that auth plugins look at, as their configurations say."""
        return {
            text
            for entry in entries
            if self._plugins.authenticates(entry.name)
            for _, text in texts(entry.config, lambda text: 0 < len(text) <= _LONGEST_NAME)
        }

    def _of_consumer(self, consumer: Consumer) -> Iterator[str]:
        for credential in consumer.credentials:
            yield from self._secret_texts(("consumers", ""), credential.plugin, credential.config)

    def _secret_texts(self, key: tuple[str, str], plugin: str, config: Mapping[str, object]) -> Iterator[str]:
        value = {"plugins": {plugin: config}}
        yield from (str(at(value, place)) for place in self._fields(key, value))


def entries_of(exchange: Exchange, snapshot: Snapshot) -> list[PluginEntry]:
    """Return the entries of every plugin that an exchange may run through."""
    route, consumer = exchange.route, exchange.consumer
    return [
        *snapshot.resolved.global_entries,
        *(route.plugins if route else ()),
        *(consumer.plugins if consumer else ()),
    ]


def _filled_in(owner: str, snapshot: Snapshot) -> Iterator[str]:
    """Yield what references and the environment filled into a resource's plugins; of a URL, all behind the address."""
    kind, _, id_ = owner.partition("/")
    inventory = snapshot.resolved.inventory
    item = inventory.kinds[kind].get(id_)
    if item is None:
        return
    raw = item.raw.get("plugins", {}) if isinstance(item.raw, Mapping) else {}
    marked = [text for _, text in texts(raw, lambda text: isinstance(text, FromEnvironment))]
    for text in (*marked, *(inventory.sources.references[reference] for reference in item.texts)):
        _, is_url, rest = text.partition("://")
        yield rest.partition("/")[2] if is_url else text


def _presented(request: Request, veil: Veil) -> Iterator[str]:
    """Yield the credentials that a client sent: plugins may copy them to wherever they like."""
    for name, value in request.headers:
        if veil.hides(name):
            # Schemes, and the names of cookies and parameters, are none.
            parts = (part.strip('"') for part in _BEHIND.findall(value))
            yield from (value, *(part for part in parts if len(part) >= _SHORTEST_PART))
        elif not is_ordinary(name) and len(value) >= _SHORTEST_PART:
            yield value
    yield from (value for name, value in request.query.pairs() if veil.hides(name))


def _inside(value: Any) -> Iterator[str]:
    if isinstance(value, Secret):
        yield value.value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _inside(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _inside(item)
