"""What is different between two moments of an exchange, as it may be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..http.headers import RawHeaders
from ..http.query import Query
from ..secret import MASK
from .trace import Answered, Asked
from .veil import Veil


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed: what it is, and its value before and after, None where there was none."""

    what: str
    before: str | None
    after: str | None


def request_changes(before: Asked, after: Asked, veil: Veil, *, hide_new: bool = False) -> Iterator[Change]:
    """Yield what changed of a request; with `hide_new` no new value of a field is shown."""
    for what in ("method", "path"):
        one, other = getattr(before, what), getattr(after, what)
        if one != other:
            yield Change(what, veil.text(one), veil.text(other))
    yield from _argument_changes(before.query, after.query, veil)
    yield from _field_changes("header", before.headers, after.headers, veil, hide_new=hide_new)
    if before.body is not after.body:
        yield Change("body", None, "another one")
    if before.consumer != after.consumer:
        yield Change("consumer", before.consumer, after.consumer)


def answer_changes(
    before: Answered | None, after: Answered | None, veil: Veil, *, hide_new: bool = False
) -> Iterator[Change]:
    """Yield what changed of an answer that was there before."""
    if before is None or after is None:
        return
    if before.status != after.status:
        yield Change("status", str(before.status), str(after.status))
    yield from _field_changes("response header", before.headers, after.headers, veil, hide_new=hide_new)
    if before.body is not after.body and before.body != after.body:
        yield Change("response body", None, "another one")


def _argument_changes(before: str, after: str, veil: Veil) -> Iterator[Change]:
    if before == after:
        return
    one, other = Query(before), Query(after)
    changed = False
    for name in dict.fromkeys(name for name, _ in (*one.pairs(), *other.pairs())):
        old, new = one.get_all(name), other.get_all(name)
        if old != new:
            changed = True
            yield Change(f"argument {veil.text(name)}", *(_shown(veil.argument, name, values) for values in (old, new)))
    if not changed:
        yield Change("query", "as it was sent", "in another order or spelling")


def _field_changes(what: str, before: RawHeaders, after: RawHeaders, veil: Veil, *, hide_new: bool) -> Iterator[Change]:
    if before is after:
        return
    for name in dict.fromkeys(name for name, _ in (*before, *after)):
        old, new = _values(name, before), _values(name, after)
        if old != new:
            text = name.decode("latin-1")
            told = _shown(veil.value, text, new)
            former = _shown(veil.received if what == "header" else veil.value, text, old)
            yield Change(f"{what} {text}", former, MASK if hide_new and told is not None else told)


def _values(name: bytes, fields: RawHeaders) -> list[str]:
    return [value.decode("latin-1") for its, value in fields if its == name]


def _shown(show: Callable[[str, str], str], name: str, values: Iterable[str]) -> str | None:
    shown = [show(name, value) for value in values]
    return ", ".join(shown) if shown else None
