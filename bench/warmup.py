"""What comes before each measurement: connections and pools are filled, and every answer is looked at."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterable

from .errors import ProcessFailed
from .peers import Peer
from .scenario import Mode, Scenario

_TURNS = 8
_LIMIT_SECONDS = 10


def warm_up(peer: Peer, mode: Mode, scenario: Scenario, *, turns: int = _TURNS) -> None:
    """Make some requests on as many connections as the scenario has, over HTTP/1.1, all of them in flight together.

    Raise ProcessFailed at any answer but the peer's own.
    """
    port, path = peer.ports["h1"], peer.paths[mode]
    with contextlib.ExitStack() as stack:
        connections = [_connection(port, stack) for _ in range(scenario.connections)]
        try:
            for _ in range(turns):
                _turn(connections, scenario, peer, path)
        except (OSError, ValueError, http.client.HTTPException) as error:
            peer.child.check_alive()
            raise ProcessFailed(
                f"{peer.name} failed at {path} while warming up: {error!r}\n{peer.child.tail()}"
            ) from error


def _connection(port: int, stack: contextlib.ExitStack) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_LIMIT_SECONDS)
    stack.callback(connection.close)
    return connection


def _turn(connections: Iterable[http.client.HTTPConnection], scenario: Scenario, peer: Peer, path: str) -> None:
    body = scenario.body
    headers = {**peer.headers, **({"Content-Type": "application/json"} if body else {})}
    for connection in connections:
        connection.request("POST" if body else "GET", path, body, headers)
    for connection in connections:
        response = connection.getresponse()
        answer = response.read().decode(errors="replace")
        if response.status != 200 or answer != peer.answer:
            raise ValueError(f"{response.status} {answer!r}")
