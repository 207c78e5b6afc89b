"""Conditions on requests, as plugins ask them: the language of a route's `vars` (see `predicates`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ..environment import holds_environment
from ..errors import Finding
from ..exchange import Exchange
from .predicates import compile_vars


class Conditions:
    """Conditions that all must hold, judged by the request as it was received, and by the parameters of its route.

    `given` names further variables, whose values come with each question. Raise ValueError for what is no condition;
    `wrong` tells that in findings.
    """

    __slots__ = ("_predicate",)

    def __init__(self, expression: Sequence[object], given: Collection[str] = ()) -> None:
        self._predicate = compile_vars(expression, given)

    def hold(self, exchange: Exchange, **given: str) -> bool:
        """Tell whether all of them hold for a request."""
        params = exchange.params
        if given:
            params = params | {f"${name}": value for name, value in given.items()}
        return self._predicate(exchange.original, params)

    @classmethod
    def wrong(cls, expression: Sequence[object], path: str, given: Collection[str] = ()) -> Iterator[Finding]:
        """Yield what is wrong with conditions that stand at a path of the configuration, one finding for each."""
        if expression and isinstance(expression[0], str):
            yield from _wrong(expression, path, given)
            return
        for index, condition in enumerate(expression):
            yield from _wrong([condition], f"{path}[{index}]", given)


def _wrong(expression: Sequence[object], path: str, given: Collection[str]) -> Iterator[Finding]:
    try:
        compile_vars(expression, given)
    except ValueError as error:
        hidden = holds_environment(list(expression))
        message = "is not valid, with a value from the environment in it" if hidden else str(error)
        yield Finding(path, message.removeprefix("[0]").lstrip())
