"""What upstreams do not get to see of a request: the credentials that a chain's plugins judge by."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import cached_property

from .errors import PluginFailed
from .http.hygiene import IDENTITY
from .http.message import Request
from .plugin import Plugin


class Concealment:
    """The header fields and the query's arguments that a chain's plugins conceal.

    They are asked for the names when the first request comes: they may know them only once they are open. `by_plugins` has
    the methods of those that do it their own way, by the plugin's name.
    """

    def __init__(self, instances: Iterable[Plugin] = ()) -> None:
        self._naming: list[Plugin] = []
        self.by_plugins: list[tuple[str, Callable[[Request], None]]] = []
        for instance in instances:
            if type(instance).conceal is Plugin.conceal:
                self._naming.append(instance)
            else:
                self.by_plugins.append((instance.name, instance.conceal))

    @cached_property
    def fields(self) -> frozenset[bytes]:
        """Names of header fields. Raise PluginFailed where a plugin can't tell its own."""
        names = [name for plugin in self._naming for name in _named(plugin, plugin.concealed_fields)]
        return frozenset(name.lower().encode("latin-1") for name in names)

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """Names of arguments. Raise PluginFailed where a plugin can't tell its own."""
        return tuple(dict.fromkeys(n for plugin in self._naming for n in _named(plugin, plugin.concealed_arguments)))

    @cached_property
    def untold(self) -> frozenset[bytes]:
        """The fields that are left out where a caller is told of: these, and what a client says of itself."""
        return self.fields | IDENTITY

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
                raise _failure(name, error) from error

    def take_arguments_from(self, request: Request) -> None:
        """Take the arguments out of a request's query."""
        for name in self.arguments:
            if name in request.query:
                request.query = request.query.without(name)


def _named(plugin: Plugin, names: Callable[[], Collection[str]]) -> Collection[str]:
    try:
        found = names()
        are_names = not isinstance(found, str) and all(isinstance(name, str) for name in found)
    except (Exception, SystemExit) as error:
        raise _failure(plugin.name, error) from error
    if not are_names:
        raise _failure(plugin.name, TypeError(f"{found!r} are no names: return a tuple of them"))
    return found


def _failure(name: str, error: BaseException) -> PluginFailed:
    message = f"plugin {name} failed in conceal: {type(error).__name__}: {error}"
    return PluginFailed(message, plugin=name, phase="conceal")


NOTHING = Concealment()
"""What a chain conceals whose plugins conceal nothing."""
