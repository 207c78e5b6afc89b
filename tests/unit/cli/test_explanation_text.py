"""Explanations as trees."""

from typing import Any

import click
import pytest

from phasegate.cli.explanation_text import explanation_text

REQUEST = {
    "id": "0001",
    "method": "GET",
    "scheme": "http",
    "host": "a.test",
    "path": "/x",
    "query": "a=1",
    "client": "192.0.2.1",
}
ROUTE: dict[str, Any] = {"id": "r", "name": None, "uris": ["/x"], "hosts": [], "source": "file", "params": {}}


def step(phase: str, plugin: str, outcome: str = "went_on", **more: Any) -> dict[str, Any]:
    told = {"phase": phase, "plugin": plugin, "outcome": outcome, "status": None, "why": None, "ms": 0.5}
    return {**told, "changes": [], "calls": [], **more}


def tree(*steps: dict[str, Any], **more: Any) -> list[str]:
    told = {
        "request": REQUEST,
        "route": ROUTE,
        "near_misses": [],
        "steps": list(steps),
        "stopped_by": None,
        "consumer": None,
        "answer": {"status": 200, "bytes": 2},
        "error": None,
        "ms": 12.3,
    }
    return click.unstyle(explanation_text({**told, **more})).splitlines()


def test_a_whole_tree() -> None:
    call = {
        "method": "GET",
        "url": "http://h/",
        "connection": "new",
        "connect_ms": 0.25,
        "head_ms": 10.5,
        "status": 200,
        "error": None,
    }
    changes = [
        {"what": "path", "before": "/x", "after": "/y"},
        {"what": "header x-a", "before": None, "after": "1"},
        {"what": "header x-b", "before": "2", "after": None},
    ]
    assert tree(
        step("rewrite", "one", changes=changes), step("proxy", "forward", "answered", status=200, calls=[call])
    ) == [
        "GET http://a.test/x?a=1  from 192.0.2.1, id 0001",
        "├─ route r: /x, from the file",
        "├─ rewrite",
        "│  └─ one  went on                  0.50 ms",
        "│     ├─ ~ path: /x -> /y",
        "│     ├─ + header x-a: 1",
        "│     └─ - header x-b: 2",
        "├─ proxy",
        "│  └─ forward  answered 200         0.50 ms",
        "│     └─ calls GET http://h/: 200  10.50 ms",
        "│        └─ over a new connection, made in 0.25 ms",
        "└─ answer 200, 2 bytes             12.30 ms",
    ]


def test_near_misses_and_their_reasons() -> None:
    miss = {**ROUTE, "hosts": ["b.test"], "reasons": [{"ground": "method", "text": "it takes PUT, not GET"}]}
    lines = tree(
        route=None, near_misses=[miss], answer={"status": 404, "bytes": 1}, error={"code": "c", "cause": "why"}
    )
    assert lines[1:] == [
        "├─ no route",
        "├─ not taken",
        "│  └─ r: /x on b.test",
        "│     └─ it takes PUT, not GET",
        "└─ answer 404, 1 bytes  12.30 ms",
        "   └─ c: why",
    ]


def test_a_cause_is_told_once() -> None:
    error = {"code": "upstream_unreachable", "cause": "can't connect"}
    call = {"method": "GET", "url": "http://h/", "connection": "new", "connect_ms": 1, "head_ms": 1, "status": None}
    steps = [step("proxy", "forward", "refused", status=502, why="can't connect", calls=[{**call, "error": error}])]
    assert "\n".join(tree(*steps, error=error)).count("can't connect") == 1


def test_who_stopped_it_and_for_whom() -> None:
    lines = tree(
        step("access", "p", "not_run", ms=None), stopped_by={"phase": "access", "plugin": "p"}, consumer="jack"
    )
    assert lines[-3:] == [
        "└─ answer 200, 2 bytes  12.30 ms",
        "   ├─ stopped by p in access",
        "   └─ for consumer jack",
    ]
    assert "│  └─ p  not run" in lines


def test_no_answer() -> None:
    assert tree(answer=None)[-1] == "└─ no answer  12.30 ms"


def test_nothing_steers_the_terminal() -> None:
    text = explanation_text(
        {
            "near_misses": [],
            "steps": [],
            "stopped_by": None,
            "consumer": None,
            "answer": None,
            "error": None,
            "ms": 1,
            "request": {**REQUEST, "path": "/\x1b[2J\x07"},
            "route": None,
        }
    )
    assert "\x1b[2J" not in text
    assert "/\ufffd[2J\ufffd" in text


@pytest.mark.parametrize("status", [200, 404, 502])
def test_a_status_has_its_colour(status: int) -> None:
    colour = {200: "green", 404: "yellow", 502: "red"}[status]
    told: dict[str, Any] = {
        "request": REQUEST,
        "route": None,
        "near_misses": [],
        "steps": [],
        "stopped_by": None,
        "consumer": None,
    }
    text = explanation_text({**told, "answer": {"status": status, "bytes": 0}, "error": None, "ms": 1})
    assert click.style(str(status), fg=colour, bold=True) in text
