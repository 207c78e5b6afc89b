"""An explanation as a tree for people. Colours are told by `click.style`, and taken out where no terminal is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import click

Told = Mapping[str, Any]

_GATEWAY = "(gateway)"
_PHASES = ("rewrite", "authenticate", "access", "proxy", "response", "log")
_WORDS = {
    "went_on": "went on",
    "answered": "answered",
    "changed": "gave another answer",
    "refused": "refused",
    "failed": "failed",
    "known": "knows the caller",
    "absent": "found no credential",
    "invalid": "does not take the credential",
    "not_run": "not run",
}
_COLOURS = {"refused": "red", "failed": "red", "invalid": "red", "answered": "green", "known": "green"}
_QUIET = ("not_run",)
# Longer lines don't push the times of all others to the right.
_WIDEST = 90


class _Branch(NamedTuple):
    """A line of the tree, what stands to its right, and what hangs under it."""

    text: str
    right: str = ""
    under: tuple[_Branch, ...] = ()


def explanation_text(told: Told) -> str:
    """Return an explanation as a tree; what could steer a terminal is taken out of it."""
    told = _printable(told)
    return "\n".join(_aligned(_head(told), _branches(told)))


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return "".join(letter if letter.isprintable() else "\ufffd" for letter in value)
    if isinstance(value, Mapping):
        return {key: _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value


def _head(told: Told) -> str:
    request = told["request"]
    query = f"?{request['query']}" if request["query"] else ""
    line = f"{request['method']} {request['scheme']}://{request['host']}{request['path']}{query}"
    return click.style(line, bold=True) + f"  from {request['client']}, id {request['id']}"


def _branches(told: Told) -> list[_Branch]:
    return [_route(told), *_misses(told), *_phases(told), _end(told)]


def _route(told: Told) -> _Branch:
    route = told["route"]
    if route is None:
        return _Branch(click.style("no route", fg="red"))
    params = [f"{name} = {value}" for name, value in route["params"].items()]
    name = f" ({route['name']})" if route["name"] else ""
    where = "file" if route["source"] == "file" else "store"
    return _Branch(
        f"route {click.style(route['id'], bold=True)}{name}: {_matches(route)}, from the {where}",
        under=tuple(_Branch(param) for param in params),
    )


def _matches(route: Told) -> str:
    uris = ", ".join(route["uris"])
    return f"{uris} on {', '.join(route['hosts'])}" if route["hosts"] else uris


def _misses(told: Told) -> Iterator[_Branch]:
    if told["near_misses"]:
        misses = (
            _Branch(f"{miss['id']}: {_matches(miss)}", under=tuple(_Branch(one["text"]) for one in miss["reasons"]))
            for miss in told["near_misses"]
        )
        yield _Branch("not taken", under=tuple(misses))


def _phases(told: Told) -> Iterator[_Branch]:
    for phase in _PHASES:
        steps = [step for step in told["steps"] if step["phase"] == phase]
        if steps:
            yield _Branch(phase, under=tuple(_step(step) for step in steps))


def _step(step: Told) -> _Branch:
    outcome = step["outcome"]
    status = f" {step['status']}" if step["status"] else ""
    why = f": {step['why']}" if step["why"] else ""
    is_plugin = step["plugin"] != _GATEWAY
    words = _WORDS[outcome] if is_plugin else "tells of the caller" if step["phase"] == "authenticate" else "changed"
    text = f"{step['plugin']}  {click.style(f'{words}{status}', fg=_COLOURS.get(outcome))}{why}"
    under = [*(_Branch(_change(change)) for change in step["changes"])]
    under += [_call(call, step["why"]) for call in step["calls"]]
    return _Branch(
        click.style(text, dim=True) if outcome in _QUIET else text, _ms(step["ms"] if is_plugin else None), tuple(under)
    )


def _change(change: Told) -> str:
    what, before, after = change["what"], change["before"], change["after"]
    if after is None:
        return f"- {what}" + (f": {before}" if before else "")
    return f"+ {what}: {after}" if before is None else f"~ {what}: {before} -> {after}"


def _call(call: Told, told_already: str | None) -> _Branch:
    if call["error"]:
        cause = call["error"]["cause"]
        end = click.style("failed" if cause == told_already else f"failed: {cause}", fg="red")
    else:
        end = str(call["status"]) if call["status"] else "no answer"
    over = "over a kept connection"
    if call["connection"] == "new":
        over = f"over a new connection, made in {_ms(call['connect_ms'])}"
        if call["error"]:
            over = f"it took {_ms(call['connect_ms'])} to connect"
    return _Branch(f"calls {call['method']} {call['url']}: {end}", _ms(call["head_ms"]), (_Branch(over),))


def _end(told: Told) -> _Branch:
    under = tuple(_reasons(told))
    if told["answer"] is None:
        return _Branch("no answer", _ms(told["ms"]), under)
    status = told["answer"]["status"]
    colour = "green" if status < 400 else "yellow" if status < 500 else "red"
    return _Branch(
        f"answer {click.style(str(status), fg=colour, bold=True)}, {told['answer']['bytes']} bytes",
        _ms(told["ms"]),
        under,
    )


def _reasons(told: Told) -> Iterator[_Branch]:
    stopped, error = told["stopped_by"], told["error"]
    if stopped and stopped["phase"] != "route":
        yield _Branch(f"stopped by {stopped['plugin']} in {stopped['phase']}")
    if error:
        known = any(step["why"] == error["cause"] for step in told["steps"])
        yield _Branch(error["code"] if known else f"{error['code']}: {error['cause']}")
    if told["consumer"]:
        yield _Branch(f"for consumer {told['consumer']}")


def _ms(milliseconds: float | None) -> str:
    return "" if milliseconds is None else f"{milliseconds:.2f} ms"


def _aligned(head: str, branches: Iterable[_Branch]) -> Iterator[str]:
    """Yield the lines of the tree, what stands on the right of all in one column."""
    lines = [(head, ""), *_lines(branches, "")]
    lengths = [length for text, right in lines if right and (length := len(click.unstyle(text))) <= _WIDEST]
    width = max(lengths, default=0)
    widest = max((len(right) for _, right in lines), default=0)
    for text, right in lines:
        space = " " * (width - len(click.unstyle(text)))
        yield f"{text}{space}  {right.rjust(widest)}" if right else text


def _lines(branches: Iterable[_Branch], indent: str) -> Iterator[tuple[str, str]]:
    listed = list(branches)
    for place, branch in enumerate(listed):
        is_last = place == len(listed) - 1
        yield f"{indent}{'└─ ' if is_last else '├─ '}{branch.text}", branch.right
        yield from _lines(branch.under, indent + ("   " if is_last else "│  "))
