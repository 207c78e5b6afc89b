"""What upstreams do not get to see of a request: the credentials that a chain's plugins judge by."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .errors import PluginFailed
from .http.message import Request
from .plugin import Plugin


@dataclass(frozen=True, slots=True)
class Concealment:
    """The names of the header fields and of the query's arguments that a chain's plugins conceal.

    `by_plugins` has the methods of those that do it their own way, by the plugin's name.
    """

    fields: frozenset[bytes] = frozenset()
    arguments: tuple[str, ...] = ()
    by_plugins: tuple[tuple[str, Callable[[Request], None]], ...] = ()

    @classmethod
    def of(cls, instances: Iterable[Plugin]) -> Concealment:
        """Return what the plugins of a chain conceal together."""
        fields: set[bytes] = set()
        arguments: dict[str, None] = {}
        by_plugins = []
        for instance in instances:
            if type(instance).conceal is not Plugin.conceal:
                by_plugins.append((instance.name, instance.conceal))
                continue
            fields.update(name.lower().encode("latin-1") for name in instance.concealed_fields())
            arguments.update(dict.fromkeys(instance.concealed_arguments()))
        return cls(frozenset(fields), tuple(arguments), tuple(by_plugins))

    def take_from(self, request: Request) -> None:
        """Take all of it out of a request. Raise PluginFailed where a plugin's own method raises."""
        if self.fields:
            headers, hidden = request.headers, self.fields
            headers.raw = [field for field in headers.raw if field[0] not in hidden]
        if request.query.raw:
            self.take_arguments_from(request)
        for name, conceal in self.by_plugins:
            try:
                conceal(request)
            except Exception as error:
                message = f"plugin {name} failed in conceal: {type(error).__name__}: {error}"
                raise PluginFailed(message, plugin=name, phase="conceal") from error

    def take_arguments_from(self, request: Request) -> None:
        """Take the arguments out of a request's query."""
        for name in self.arguments:
            if name in request.query:
                request.query = request.query.without(name)


NOTHING = Concealment()
"""What a chain conceals whose plugins conceal nothing."""
