from collections.abc import Sequence
from typing import Any

import pytest

from phasegate import Consumer, Credential, Exchange, Outcome, Unauthorized
from phasegate.authentication import Group, authenticate, is_preflight, tell
from phasegate.http.headers import Headers
from phasegate.multi_auth import MultiAuth
from phasegate.testing import make_exchange, make_plugin, make_request

PREFLIGHT = {"origin": "https://a.example", "access-control-request-method": "PUT"}


def known(name: str, plugin: str = "token") -> Outcome:
    consumer = Consumer(name, (Credential(f"{name}/{plugin}", plugin, {}),))
    return Outcome.ok(consumer, consumer.credentials[0])


def absent(plugin: str, anonymous: Consumer | None = None) -> Outcome:
    return Outcome.absent(f"Missing {plugin}", challenge=f'{plugin} realm="r"', anonymous=anonymous)


def wrong(plugin: str) -> Outcome:
    return Outcome.invalid(f"Wrong {plugin}", challenge=f'{plugin} realm="r"', reason="because")


def group(count: int = 1, **config: Any) -> Group:
    steps = tuple((f"p{place}", lambda: None) for place in range(count))
    return Group.of(steps, [make_plugin(MultiAuth, config)])


async def settled(outcomes: Sequence[Outcome], exchange: Exchange | None = None, **config: Any) -> Exchange:
    """Run a group of plugins that come to these outcomes."""
    exchange = exchange or make_exchange()
    left = list(outcomes)

    async def ask(step: Any) -> Outcome:
        return left.pop(0)

    await authenticate(exchange, [group(len(outcomes), **config)], ask)
    return exchange


async def refusal(*outcomes: Outcome, **config: Any) -> Unauthorized:
    with pytest.raises(Unauthorized) as caught:
        await settled(outcomes, **config)
    return caught.value


async def test_any_is_content_with_the_first_that_knows_the_caller() -> None:
    exchange = await settled([absent("p0"), known("jack"), wrong("p2")])
    assert exchange.consumer is not None
    assert exchange.consumer.username == "jack"


async def test_a_credential_that_does_not_hold_ends_it() -> None:
    error = await refusal(wrong("p0"), known("jack"))
    assert (error.public, error.challenges, str(error)) == ("Wrong p0", ('p0 realm="r"',), "p0: because")


async def test_with_try_next_the_others_are_asked_all_the_same() -> None:
    exchange = await settled([wrong("p0"), known("jack")], try_next=True)
    assert exchange.consumer is not None


async def test_with_try_next_the_first_that_did_not_hold_is_told() -> None:
    error = await refusal(wrong("p0"), wrong("p1"), absent("p2"), try_next=True)
    assert error.public == "Wrong p0"


async def test_without_any_credential_every_challenge_is_told() -> None:
    error = await refusal(absent("p0"), absent("p1"))
    assert (error.public, error.challenges) == ("Missing p0", ('p0 realm="r"', 'p1 realm="r"'))


async def test_all_wants_every_credential() -> None:
    error = await refusal(known("jack"), absent("p1"), policy="all")
    assert (error.public, error.challenges) == ("Missing p1", ('p1 realm="r"',))


async def test_all_refuses_one_that_does_not_hold() -> None:
    assert (await refusal(known("jack"), wrong("p1"), policy="all")).public == "Wrong p1"


async def test_all_wants_one_consumer() -> None:
    error = await refusal(known("jack"), known("jill"), policy="all")
    assert error.public == "Credentials of different consumers in request"
    assert "jack" in str(error)
    assert error.challenges


async def test_all_is_content_where_all_agree() -> None:
    exchange = await settled([known("jack"), Outcome.ok(claims={"sub": "j"}), known("jack", "badge")], policy="all")
    assert exchange.consumer is not None
    assert (exchange.consumer.username, exchange.claims) == ("jack", {"sub": "j"})
    assert exchange.credential is not None
    assert exchange.credential.plugin == "token"


@pytest.mark.parametrize("policy", ["any", "all"])
async def test_without_any_credential_the_request_is_from_the_anonymous_consumer(policy: str) -> None:
    exchange = await settled([absent("p0"), absent("p1", Consumer("guest"))], policy=policy)
    assert exchange.consumer == Consumer("guest")
    assert exchange.request.headers.get("x-anonymous-consumer") == "true"


@pytest.mark.parametrize("policy", ["any", "all"])
async def test_a_credential_that_does_not_hold_is_nobody_anonymous(policy: str) -> None:
    error = await refusal(absent("p0", Consumer("guest")), wrong("p1"), policy=policy)
    assert error.public == "Wrong p1"


@pytest.mark.parametrize(
    ("first", "second", "name", "anonymous"),
    [
        (known("jack"), absent("p1", Consumer("guest")), "jack", None),
        (absent("p0", Consumer("guest")), known("jack"), "jack", None),
        (absent("p0", Consumer("guest")), Outcome.ok(), "guest", "true"),
        (known("jill"), known("jack"), "jack", None),
    ],
)
async def test_who_is_known_by_one_chain_is_not_anonymous_to_the_next(
    first: Outcome, second: Outcome, name: str, anonymous: str | None
) -> None:
    exchange, left = make_exchange(), [first, second]

    async def ask(step: Any) -> Outcome:
        return left.pop(0)

    await authenticate(exchange, [group(), group()], ask)
    told = exchange.request.headers
    assert (told.get("x-consumer-username"), told.get("x-anonymous-consumer")) == (name, anonymous)


async def test_a_caller_without_consumer_is_let_in_and_not_named() -> None:
    exchange = await settled([Outcome.ok(claims={"sub": "s"})])
    assert (exchange.consumer, exchange.claims) == (None, {"sub": "s"})
    assert "x-consumer-username" not in exchange.request.headers


@pytest.mark.parametrize(
    ("method", "headers", "passes"),
    [
        ("OPTIONS", PREFLIGHT, True),
        ("OPTIONS", {"origin": "https://a.example"}, False),
        ("OPTIONS", {}, False),
        ("POST", PREFLIGHT, False),
    ],
)
def test_what_is_a_preflight(method: str, headers: dict[str, str], *, passes: bool) -> None:
    assert is_preflight(make_request(method, headers=headers)) is passes


async def test_a_preflight_passes() -> None:
    exchange = await settled([wrong("p0")], make_exchange(make_request("OPTIONS", headers=PREFLIGHT)))
    assert exchange.consumer is None


async def test_a_preflight_is_asked_where_that_is_wanted() -> None:
    careful = make_plugin(MultiAuth)
    careful.run_on_preflight = True  # type: ignore[attr-defined]
    assert Group.of([], [careful]).run_on_preflight


def told(consumer: Consumer, credential: Credential | None = None, **flags: bool) -> dict[str, str]:
    headers = Headers({"host": "h", "x-consumer-username": "admin", "x-consumer-groups": "root", "x": "1"})
    tell(headers, consumer, credential, **flags)
    return dict(headers)


def test_who_calls_is_told_whole_and_nothing_older_is_left() -> None:
    consumer = Consumer("jack", labels={"custom_id": "4711"}, group_id="g")
    assert told(consumer, Credential("jack/c", "token", {}, "c")) == {
        "host": "h",
        "x": "1",
        "x-consumer-username": "jack",
        "x-consumer-id": "jack",
        "x-consumer-custom-id": "4711",
        "x-consumer-groups": "g",
        "x-credential-identifier": "c",
    }


def test_what_is_not_known_is_not_told() -> None:
    assert told(Consumer("jack"), Credential("jack/token", "token", {})) == {
        "host": "h",
        "x": "1",
        "x-consumer-username": "jack",
        "x-consumer-id": "jack",
    }


@pytest.mark.parametrize(
    ("custom_id", "value"), [("Zoë\r\nx: y", "Zo%C3%AB%0D%0Ax: y"), ("50%", "50%25"), ("a b", "a b")]
)
def test_a_custom_id_can_break_no_field(custom_id: str, value: str) -> None:
    assert told(Consumer("jack", labels={"custom_id": custom_id}))["x-consumer-custom-id"] == value


def test_a_challenge_is_printable() -> None:
    with pytest.raises(ValueError, match="printable"):
        Outcome.absent("Missing", challenge="a\r\nb")
