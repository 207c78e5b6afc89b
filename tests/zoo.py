"""Tiny plugins, each doing one thing, for tests of the runner and of the contract."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from phasegate import Exchange, Finding, Outcome, Plugin, Request, Response, Services, hookimpl


def variant(base: type[Plugin], **attributes: object) -> type[Plugin]:
    """Return a plugin class like `base`, with other class attributes."""
    cls: type[Plugin] = dataclass(kw_only=True)(type("Variant", (base,), attributes))
    return cls


def noted(exchange: Exchange) -> list[str]:
    """Return what the plugins of the zoo noted on this exchange."""
    notes: list[str] = exchange.state.setdefault("zoo", [])
    return notes


@dataclass(kw_only=True)
class Witness(Plugin):
    """Notes every phase it sees."""

    name: ClassVar[str] = "witness"
    schema: ClassVar = {"mark": {"type": "string", "default": "witness"}}
    mark: str

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        noted(exchange).append(f"{self.mark}.rewrite")
        return None

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        noted(exchange).append(f"{self.mark}.access")
        return None

    @hookimpl
    async def proxy(self, exchange: Exchange) -> Response | None:
        noted(exchange).append(f"{self.mark}.proxy")
        return None

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        noted(exchange).append(f"{self.mark}.response")
        return None

    @hookimpl
    async def log(self, exchange: Exchange) -> None:
        noted(exchange).append(f"{self.mark}.log")


@dataclass(kw_only=True)
class Second(Witness):
    """A witness of another name."""

    name: ClassVar[str] = "second"
    mark: str = "second"
    schema: ClassVar = {"mark": {"type": "string", "default": "second"}}


@dataclass(kw_only=True)
class Answers(Plugin):
    """Answers in the phase that its configuration names."""

    name: ClassVar[str] = "answers"
    schema: ClassVar = {
        "phase": {"type": "string", "default": "proxy"},
        "text": {"type": "string", "default": "answered"},
    }
    phase: str
    text: str

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        return self._in("rewrite")

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        return self._in("access")

    @hookimpl
    async def proxy(self, exchange: Exchange) -> Response | None:
        return self._in("proxy")

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        return self._in("response")

    def _in(self, phase: str) -> Response | None:
        return Response.text(self.text) if phase == self.phase else None


@dataclass(kw_only=True)
class Raises(Plugin):
    """Raises in the phase that its configuration names."""

    name: ClassVar[str] = "raises"
    schema: ClassVar = {
        "phase": {"type": "string", "default": "access"},
        "cancelled": {"type": "boolean", "default": False},
    }
    phase: str
    cancelled: bool

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        self._in("rewrite")
        return None

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        self._in("access")
        return None

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        self._in("response")
        return None

    @hookimpl
    async def log(self, exchange: Exchange) -> None:
        self._in("log")

    def _in(self, phase: str) -> None:
        if phase == self.phase:
            raise asyncio.CancelledError if self.cancelled else RuntimeError("the zoo is on fire")


@dataclass(kw_only=True)
class Waits(Plugin):
    """Never ends by itself, and notes when it is cancelled."""

    name: ClassVar[str] = "waits"
    waiting: ClassVar[asyncio.Event]
    cancelled: ClassVar[asyncio.Event]

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        self.waiting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return None


@dataclass(kw_only=True)
class Holds(Plugin):
    """Holds the request's body whole before it is sent on."""

    name: ClassVar[str] = "holds"

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        await exchange.request.body.hold(10_000_000)
        return None


@dataclass(kw_only=True)
class Returns(Plugin):
    """Returns something that is no answer: a text, or with `status` one that no answer has."""

    name: ClassVar[str] = "returns"
    schema: ClassVar = {"status": {}}
    status: Any = None

    @hookimpl
    async def proxy(self, exchange: Exchange) -> Response | None:
        return "text" if self.status is None else Response(self.status)  # type: ignore[return-value]


@dataclass(kw_only=True)
class Keeps(Plugin):
    """Answers with the same object every time."""

    name: ClassVar[str] = "keeps"
    schema: ClassVar = {}
    kept: ClassVar[Response] = Response.text("kept")

    @hookimpl
    async def proxy(self, exchange: Exchange) -> Response | None:
        return self.kept


@dataclass(kw_only=True)
class Token(Plugin):
    """Knows callers by a token in a header of its configuration."""

    name: ClassVar[str] = "token"
    schema: ClassVar = {"header": {"type": "string", "default": "x-token"}}
    consumer_schema: ClassVar = {"token": {"type": "string", "required": True, "secret": True}}
    consumer_key: ClassVar[str | None] = "token"
    header: str

    async def open(self, services: Services) -> None:
        self._consumers = services.consumers

    @hookimpl
    async def authenticate(self, exchange: Exchange) -> Outcome:
        token = exchange.original.headers.get(self.header)
        challenge = f"token {self.header}"
        if token is None:
            return Outcome.absent("Missing token", challenge=challenge)
        found = self._consumers.find(self.name, token)
        return Outcome.ok(*found) if found else Outcome.invalid("Wrong token", challenge=challenge)

    def conceal(self, request: Request) -> None:
        if "x-unconcealable" in request.headers:
            raise RuntimeError("it can't be taken out")
        request.headers.remove(self.header)


@dataclass(kw_only=True)
class Badge(Token):
    """A second way to be known."""

    name: ClassVar[str] = "badge"
    schema: ClassVar = {"header": {"type": "string", "default": "x-badge"}}


@dataclass(kw_only=True)
class Lives(Plugin):
    """Keeps count of openings and closings, and refuses to open when it is told to."""

    name: ClassVar[str] = "lives"
    schema: ClassVar = {
        "tag": {"type": "string", "default": ""},
        "broken": {"type": "boolean", "default": False},
        "hangs": {"type": "boolean", "default": False},
    }
    events: ClassVar[list[str]] = []
    hanging: ClassVar[asyncio.Event] = asyncio.Event()
    may_open: ClassVar[asyncio.Event] = asyncio.Event()
    tag: str
    broken: bool
    hangs: bool

    async def open(self, services: Services) -> None:
        if self.hangs:
            self.hanging.set()
            await self.may_open.wait()
        if self.broken:
            raise OSError("no such database")
        self.events.append(f"open {self.tag}")
        self.seen = 0

    async def close(self) -> None:
        self.events.append(f"close {self.tag}")

    @hookimpl
    async def proxy(self, exchange: Exchange) -> Response | None:
        self.seen += 1
        return Response.text(f"{self.tag} {self.seen}")


@dataclass(kw_only=True)
class Judge(Plugin):
    """Finds something about every configuration, or fails over it."""

    name: ClassVar[str] = "judge"
    schema: ClassVar = {"verdict": {"type": "string", "allowed": ["error", "warning", "raise"], "required": True}}
    verdict: Literal["error", "warning", "raise"]

    def check(self) -> Iterable[Finding]:
        if self.verdict == "raise":
            raise ValueError("no verdict")
        yield Finding("verdict", "is one", self.verdict)

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        return None


@dataclass(kw_only=True)
class Named(Plugin):
    """Answers with what its metadata says, of which one part is secret."""

    name: ClassVar[str] = "named"
    metadata_schema: ClassVar = {
        "greeting": {"type": "string", "default": "hello"},
        "password": {"type": "string", "secret": True},
    }

    async def open(self, services: Services) -> None:
        self._metadata = services.metadata

    @hookimpl
    async def proxy(self, exchange: Exchange) -> Response | None:
        told = self._metadata(self.name)
        return Response.text(told["greeting"] if told else "nobody said")
