"""How the auth plugins of a chain answer for a request together, and what everybody behind them is told of the caller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from .concealment import NOTHING, Concealment
from .errors import Unauthorized
from .exchange import Exchange
from .http.headers import Headers
from .http.hygiene import IDENTITY
from .http.message import Request
from .model import Consumer, Credential
from .multi_auth import MultiAuth
from .plugin import Outcome, Plugin, judge_of

Step = tuple[str, Callable[..., Any]]
"""One plugin's part in one phase: its name, and what to call."""

Ask = Callable[[Any], Awaitable[Outcome]]

_DISAGREE = "Credentials of different consumers in request"
_DISAGREE_CHALLENGE = f'{MultiAuth.name} realm="{MultiAuth.name}"'
# Everything printable in ASCII but %, which then stands for what is not.
_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


@dataclass(frozen=True, slots=True)
class Group:
    """The auth plugins of one chain, which are asked one after the other.

    With `any` the first that knows the caller will do, with `all` each has to, and all have to mean the same consumer.
    A credential that does not hold ends it at once, but with `try_next` the others are asked all the same. A browser's
    question before a request (a preflight) passes without them where no plugin has `run_on_preflight`.

    `judge` is the first plugin's, where it judges `at_once` and its word may be enough.
    """

    steps: tuple[Step, ...]
    concealment: Concealment = NOTHING
    policy: Literal["any", "all"] = "any"
    try_next: bool = False
    run_on_preflight: bool = False
    judge: Callable[[Exchange], object] | None = field(init=False)

    def __post_init__(self) -> None:
        """Decide what follows from the rest, so that there is no judge where something stands around the first step."""
        is_simple = bool(self.steps) and not self.concealment.by_plugins and self.policy == "any"
        object.__setattr__(self, "judge", judge_of(self.steps[0][1]) if is_simple else None)

    @classmethod
    def of(cls, steps: Sequence[Step], instances: Iterable[Plugin]) -> Group:
        """Return the group of a chain's steps, composed as a `multi-auth` in the chain says."""
        policy: Literal["any", "all"] = "any"
        try_next = run_on_preflight = False
        members = tuple(instances)
        for instance in members:
            if isinstance(instance, MultiAuth):
                policy, try_next = instance.policy, instance.try_next
            run_on_preflight |= getattr(instance, "run_on_preflight", False) is True
        return cls(tuple(steps), Concealment(members), policy, try_next, run_on_preflight)

    def settled(self, first: Outcome, ask: Ask) -> Awaitable[Outcome]:
        """Return the outcome that holds, where the first plugin's alone does not say. Raise Unauthorized for none."""
        return self._all(first, ask) if self.policy == "all" else self._any(first, ask)

    async def _any(self, first: Outcome, ask: Ask) -> Outcome:
        absent: list[Outcome] = []
        refused: list[Unauthorized] = []
        for step in self.steps:
            outcome = first if step is self.steps[0] else await ask(step)
            if outcome.holds:
                return outcome
            if not outcome.present:
                absent.append(outcome)
                continue
            refused.append(_refusal(step, outcome))
            if not self.try_next:
                break
        if refused:
            raise refused[0]
        return _anonymous(absent)

    async def _all(self, first: Outcome, ask: Ask) -> Outcome:
        held: list[Outcome] = []
        absent: list[Outcome] = []
        for step in self.steps:
            outcome = first if step is self.steps[0] else await ask(step)
            if outcome.present and not outcome.holds:
                raise _refusal(step, outcome)
            (held if outcome.holds else absent).append(outcome)
        if not held:
            return _anonymous(absent)
        if absent:
            raise _missing(absent, "not every credential that is asked for is in the request")
        return _agreed(held)


def recognize(exchange: Exchange, groups: Sequence[Group], ask: Ask) -> Awaitable[None] | None:
    """Note who sends the request, as `authenticate` does. Return what is left to wait for, None where nothing is.

    Most requests come to one group whose first plugin judges at once, and knows the caller.
    """
    group, request = groups[0], exchange.request
    if group.judge is None or len(groups) > 1 or request.method == "OPTIONS":
        return authenticate(exchange, groups, ask)
    try:
        outcome, untold = group.judge(exchange), group.concealment.untold
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 (who tells of a plugin's failures, its exit too, asks it once more)
        return authenticate(exchange, groups, ask)
    if type(outcome) is not Outcome:
        return authenticate(exchange, groups, ask)
    consumer = outcome.consumer
    if consumer is None or not outcome.holds or not outcome.present:
        return authenticate(exchange, groups, ask, outcome)
    exchange.consumer, exchange.credential = consumer, outcome.credential
    if outcome.claims is not None:
        exchange.claims = outcome.claims
    if request.query.raw:
        group.concealment.take_arguments_from(request)
    _tell(request.headers, consumer, outcome.credential, untold)
    return None


async def authenticate(exchange: Exchange, groups: Sequence[Group], ask: Ask, judged: Outcome | None = None) -> None:
    """Note who sends the request, for everybody behind. Raise Unauthorized where a group is not content.

    Each group has to be, so that a route's credential can't stand in for one that a global rule asks for. `judged` is what the
    first plugin has said already, where there is one group alone.
    """
    anonymous = False
    request = exchange.request
    preflight = request.method == "OPTIONS" and goes_on_as_preflight(exchange)
    for group in groups:
        group.concealment.take_from(request)
        if preflight and not group.run_on_preflight:
            continue
        outcome = await ask(group.steps[0]) if judged is None else judged
        if group.policy == "all" or not outcome.holds:
            outcome = await group.settled(outcome, ask)
        consumer, present = outcome.consumer, outcome.present
        # Who is known by one chain is not anonymous to the next.
        if consumer is not None and (present or exchange.consumer is None):
            exchange.consumer, exchange.credential = consumer, outcome.credential
            anonymous = not present
        if outcome.claims is not None:
            exchange.claims = outcome.claims
    consumer = exchange.consumer
    if consumer is not None:
        tell(request.headers, consumer, exchange.credential, anonymous=anonymous)


def is_preflight(request: Request) -> bool:
    """Tell whether a browser asks on a page's behalf what it may send (Fetch standard, section 4.8): it sends no credentials."""
    if request.method != "OPTIONS":
        return False
    return "origin" in request.headers and "access-control-request-method" in request.headers


def goes_on_as_preflight(exchange: Exchange) -> bool:
    """Tell whether a preflight came, and is what upstreams get: a rewrite may have made another request out of it."""
    return exchange.request.method == "OPTIONS" and is_preflight(exchange.original)


def tell(headers: Headers, consumer: Consumer, credential: Credential | None, *, anonymous: bool = False) -> None:
    """Write into a request who sends it. Nothing that stood there before is left."""
    _tell(headers, consumer, credential, IDENTITY)
    if anonymous:
        headers.raw = [*headers.raw, (b"x-anonymous-consumer", b"true")]


def _tell(headers: Headers, consumer: Consumer, credential: Credential | None, dropped: frozenset[bytes]) -> None:
    told = []
    for one in headers.raw:  # A comprehension is a call more.
        if one[0] not in dropped:
            told.append(one)  # noqa: PERF401
    name = consumer.username.encode()
    told += ((b"x-consumer-username", name), (b"x-consumer-id", name))
    if consumer.labels and (custom_id := consumer.labels.get("custom_id")):
        told.append((b"x-consumer-custom-id", _field_value(custom_id)))
    if consumer.group_id is not None:
        told.append((b"x-consumer-groups", consumer.group_id.encode()))
    if credential is not None and credential.identifier is not None:
        told.append((b"x-credential-identifier", credential.identifier.encode()))
    headers.raw = told


def _field_value(text: str) -> bytes:
    """Return a text as a field can carry it: what is not printable ASCII, and the percent sign, as escapes of UTF-8."""
    return quote(text.strip(), safe=_PLAIN).encode("ascii")


def _anonymous(absent: Sequence[Outcome]) -> Outcome:
    """Return the outcome of a request without any credential: it is from an anonymous consumer, where there is one."""
    for outcome in absent:
        if outcome.anonymous is not None:
            return Outcome(consumer=outcome.anonymous, present=False, holds=True)
    raise _missing(absent, "no credential in the request")


def _agreed(held: Sequence[Outcome]) -> Outcome:
    """Return the first outcome that names a consumer, with all claims. Raise Unauthorized where two name different ones."""
    names = {outcome.consumer.username: outcome for outcome in reversed(held) if outcome.consumer is not None}
    if len(names) > 1:
        reason = f"the credentials are of different consumers: {', '.join(sorted(names))}"
        raise Unauthorized(reason, public=_DISAGREE, challenges=(_DISAGREE_CHALLENGE,))
    claims = next((outcome.claims for outcome in held if outcome.claims is not None), None)
    first = next(iter(names.values()), held[0])
    return Outcome(consumer=first.consumer, credential=first.credential, claims=claims, holds=True)


def _refusal(step: Step, outcome: Outcome) -> Unauthorized:
    reason = f"{step[0]}: {outcome.reason or outcome.message}"
    return _unauthorized(reason, outcome, (outcome.challenge,))


def _missing(absent: Sequence[Outcome], reason: str) -> Unauthorized:
    challenges = tuple(dict.fromkeys(outcome.challenge for outcome in absent))
    return _unauthorized(reason, absent[0], challenges)


def _unauthorized(reason: str, outcome: Outcome, challenges: tuple[str, ...]) -> Unauthorized:
    error = Unauthorized(reason, public=outcome.message, challenges=challenges)
    error.instead = outcome.instead
    return error
