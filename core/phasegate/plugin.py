"""The contract of a plugin: what an author subclasses, and when each method is called."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from types import MethodType
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import pluggy

from .diagnosis import Diagnosis
from .errors import Finding
from .exchange import Exchange
from .http.message import Request, Response
from .model import Consumer, Credential
from .upstream.call import Origin
from .upstream.client import UpstreamClient

PROJECT = "phasegate"
API_VERSION = 1
HOOKS = ("rewrite", "authenticate", "access", "proxy", "response", "log")

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
P = TypeVar("P")
_JUDGE = f"{PROJECT}_judge"


class Outcome(NamedTuple):
    """What an auth plugin found: a caller, nothing to look at, or something that does not hold.

    `message` is the sentence a client reads, `challenge` the value of `WWW-Authenticate` (RFC 9110 section 11.6.1), and
    `reason` goes to the log alone. `claims` are what a token says of its bearer; `anonymous` is the consumer that a request
    without any credential is taken to be from. `instead` is the gateway's: the content type and body that the configuration
    has for a refusal.
    """

    consumer: Consumer | None = None
    credential: Credential | None = None
    present: bool = True
    holds: bool = False
    message: str = ""
    challenge: str = ""
    reason: str = ""
    claims: Mapping[str, Any] | None = None
    anonymous: Consumer | None = None
    instead: tuple[str, bytes] | None = None

    @classmethod
    def ok(
        cls,
        consumer: Consumer | None = None,
        credential: Credential | None = None,
        *,
        claims: Mapping[str, Any] | None = None,
    ) -> Outcome:
        """The credential holds, and this is whose it is; None where it is nobody's that the configuration knows."""
        # A named tuple's own way takes twice as long, and every caller that is known comes by here.
        return tuple.__new__(cls, (consumer, credential, True, True, "", "", "", claims, None, None))

    @classmethod
    def absent(cls, message: str, *, challenge: str, anonymous: Consumer | None = None) -> Outcome:
        """The request has no credential of this plugin's kind; where it has none at all, it is from `anonymous`."""
        return cls(present=False, message=message, challenge=_printable(challenge), anonymous=anonymous)

    @classmethod
    def invalid(cls, message: str, *, challenge: str, reason: str = "") -> Outcome:
        """The request has a credential, and it does not hold."""
        return cls(message=message, challenge=_printable(challenge), reason=reason)


def _printable(challenge: str) -> str:
    if not challenge.isascii() or not challenge.isprintable():
        raise ValueError("a challenge holds printable ASCII alone")
    return challenge


def at_once(judge: Callable[[P, Exchange], Outcome]) -> Callable[[P, Exchange], Coroutine[Any, Any, Outcome]]:
    """Make `authenticate` of a plain method that waits for nothing, under `@hookimpl`.

    The gateway calls the method itself where nothing stands around it. It has no effects: where it raises, it is called again.
    """

    @wraps(judge)
    async def authenticate(self: P, exchange: Exchange) -> Outcome:
        return judge(self, exchange)

    # With whom it is meant for: a decorator around this would carry the mark on with everything that `wraps` copies.
    setattr(authenticate, _JUDGE, (authenticate, judge))
    return authenticate


def judge_of(authenticate: object) -> Callable[[Exchange], object] | None:
    """Return the method that an instance's `authenticate` was made of `at_once`, None for any other."""
    if type(authenticate) is not MethodType:
        return None
    function: Any = authenticate.__func__
    marked, judge = getattr(function, _JUDGE, (None, function))
    return judge.__get__(authenticate.__self__) if marked is function else None


class ConsumerDirectory(Protocol):
    """The consumers of the current configuration, as auth plugins look them up."""

    def find(self, plugin: str, key: str) -> tuple[Consumer, Credential] | None:
        """Return the consumer whose credential for `plugin` has this key, in time that their number does not change."""

    def caller(self, plugin: str, key: str) -> Outcome | None:
        """Return the outcome `ok` for the credential that `find` finds: for plugins where the key is all there is to show."""

    def named(self, username: str) -> Consumer | None:
        """Return the consumer of that name, None where there is none."""


class Clock(Protocol):
    """Where plugins take the time from, so that tests can turn it."""

    def time(self) -> float:
        """Seconds since 1970-01-01 00:00 UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back, for measuring."""


class SystemClock:
    """The machine's clock."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)


@dataclass(frozen=True, slots=True)
class Services:
    """What the gateway hands to a plugin when it opens.

    `metadata` returns what the configuration says of a plugin as a whole, by its name: the value that its `metadata_schema`
    accepted, or None where there is none. It always tells of the current configuration, so ask when it is needed.
    """

    client: UpstreamClient
    consumers: ConsumerDirectory
    logger: logging.Logger
    clock: Clock
    metadata: Callable[[str], Mapping[str, Any] | None]


class Plugin:
    """The base of every plugin, and the list of its phases.

    A plugin is a keyword-only dataclass: `schema` (cerberus rules) says which configuration is valid, and each key becomes
    the field of its name, with `-` as `_`. Phases are `async` methods marked with `@hookimpl`; each gets the exchange.
    An instance belongs to one resource and lives as long as its configuration there stays the same.
    """

    name: ClassVar[str]
    """The key under `plugins:`, words joined by `-`."""
    priority: ClassVar[int] = 0
    """Plugins with a higher one come earlier in each phase; `_meta.priority` changes it on one resource."""
    schema: ClassVar[Mapping[str, Any]] = {}
    """The rules of the configuration, as cerberus takes them; `secret: True` makes a value a `Secret`."""
    consumer_schema: ClassVar[Mapping[str, Any] | None] = None
    """The rules of this plugin's entry on a consumer; only plugins with `authenticate` have one."""
    consumer_key: ClassVar[str | None] = None
    """The field of `consumer_schema` that names a credential: no two consumers may share its value."""
    metadata_schema: ClassVar[Mapping[str, Any] | None] = None
    """The rules of what holds for all instances of this plugin together; they read it from `Services.metadata`."""
    api_version: ClassVar[int] = API_VERSION
    """The version of this contract that the plugin was written for."""

    @hookspec
    async def rewrite(self, exchange: Exchange) -> Response | None:
        """Change the request before anybody looks at it; a Response answers it at once."""

    @hookspec
    async def authenticate(self, exchange: Exchange) -> Outcome:
        """Say who sends the request, judging by `exchange.original`."""
        raise NotImplementedError

    @hookspec
    async def access(self, exchange: Exchange) -> Response | None:
        """Let the request through (None), or answer it."""

    @hookspec
    async def proxy(self, exchange: Exchange) -> Response | None:
        """Answer the request; the first plugin that does has claimed it."""

    @hookspec
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        """Change the answer's head, wrap its body, or return another one; runs on error answers too."""

    @hookspec
    async def log(self, exchange: Exchange) -> None:
        """Look back on an exchange whose answer has left; nobody waits for this."""

    def conceal(self, request: Request) -> None:
        """Take the credentials that this plugin judges by out of what upstreams get, once everybody is asked.

        It holds for plugins with `authenticate`, whichever of them knew the caller. `exchange.original` keeps them. As it
        stands here, it takes out what the two below name; one of the plugin's own is called instead.
        """
        request.headers.remove(*self.concealed_fields())
        for name in self.concealed_arguments():
            if name in request.query:
                request.query = request.query.without(name)

    def concealed_fields(self) -> Collection[str]:
        """Return the names of the header fields to conceal. Called once, after `open`."""
        return ()

    def concealed_arguments(self) -> Collection[str]:
        """Return the names of the query's arguments to conceal. Called once, after `open`."""
        return ()

    def check(self) -> Iterable[Finding]:
        """Return what the schema can't see: errors that refuse the configuration, warnings for the operator.

        Paths are relative to the plugin's configuration. Called at load, before `open`, and must not block.
        """
        return ()

    @classmethod
    def check_credential(cls, config: Mapping[str, Any]) -> Iterable[Finding]:  # noqa: ARG003
        """Return what `consumer_schema` can't see in this plugin's entry on a consumer, as `check` does for its own.

        `config` is the entry as the schema accepted it, secrets in the clear: no finding may hold one.
        """
        return ()

    def destination(self) -> str | None:
        """Return where this plugin sends requests, for people to read; None for one that sends none anywhere."""
        return None

    def connects_to(self) -> Iterable[Origin]:
        """Return where this plugin connects to: `phasegate doctor` tries names, ports, TLS and clocks there.

        The instance need not be open.
        """
        return ()

    async def diagnose(self, services: Services) -> AsyncIterator[Diagnosis]:
        """Yield what `phasegate doctor` can't find out by itself, such as whether credentials hold.

        The instance is not open. Nothing may be changed or cost anything, and each step must end within seconds.
        """
        nothing: tuple[Diagnosis, ...] = ()
        for diagnosis in nothing:
            yield diagnosis

    async def open(self, services: Services) -> None:
        """Get ready: called once, before the first request. An exception refuses the configuration."""

    async def close(self) -> None:
        """Let go of what `open` took: called once no request uses this instance any more."""
