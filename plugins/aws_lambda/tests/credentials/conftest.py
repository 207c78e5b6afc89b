"""AWS's places on 127.0.0.1: moto's server, what records the requests to it, and an environment that knows no other AWS."""

import http.client
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest


@dataclass
class Asked:
    """One request to a place."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


Reply = tuple[int, bytes]


@dataclass
class Place:
    """An HTTP server that remembers what it was asked. `gate` holds answers back while it is not set."""

    reply: Callable[[Asked], Reply]
    asked: list[Asked] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def __post_init__(self) -> None:
        self.gate.set()


def to_moto(url: str) -> Callable[[Asked], Reply]:
    """Hand requests on to moto."""

    def reply(asked: Asked) -> Reply:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        connection.request(asked.method, asked.path, asked.body, {**asked.headers, "Connection": "close"})
        answer = connection.getresponse()
        result = answer.status, answer.read()
        connection.close()
        return result

    return reply


@pytest.fixture
def place() -> Iterator[Callable[[Callable[[Asked], Reply]], Place]]:
    """What starts a place, given how it answers."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread, Place]] = []

    def start(reply: Callable[[Asked], Reply]) -> Place:
        made = Place(reply)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                asked = Asked(self.command, self.path, dict(self.headers), body)
                made.asked.append(asked)
                made.gate.wait(30)
                status, text = made.reply(asked)
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_POST = do_PUT = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        made.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread, made))
        return made

    yield start
    for server, thread, made in servers:
        made.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def sts(place: Callable[..., Place], moto: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    """moto's STS, which botocore asks by the environment."""
    made = place(to_moto(moto))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", made.url)
    return made


@pytest.fixture
def metadata(place: Callable[..., Place], moto: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    """moto's instance metadata."""
    made = place(to_moto(moto))
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", made.url)
    return made


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable, no file and no metadata of the machine that runs the tests."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / ".aws").mkdir()


@pytest.fixture
def shared_config(tmp_path: Path) -> Callable[[str], None]:
    """What writes `~/.aws/config`."""

    def write(text: str) -> None:
        (tmp_path / ".aws" / "config").write_text(text)

    return write
