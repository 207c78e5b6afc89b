import asyncio
import base64

import pytest

from phasegate import ConfigError, Outcome, ServiceUnavailable, hash_password
from phasegate.testing import FixedClock, make_exchange, make_plugin, make_request, make_services, run_phase
from phasegate_auth import BasicAuth
from phasegate_auth.failures import Failures
from phasegate_auth.password_checks import PasswordChecks

HASH = hash_password("sesame: \u00f6ffne dich")
CONSUMERS = {
    "jack": (BasicAuth, {"username": "jack", "password": HASH}),
    "jill": (BasicAuth, {"username": "j\u00efll", "password": "in the clear"}),
}


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def encoded(text: bytes) -> str:
    return "Basic " + base64.b64encode(text).decode()


GOOD = basic("jack", "sesame: \u00f6ffne dich")


async def opened(**config: object) -> BasicAuth:
    plugin = make_plugin(BasicAuth, config)
    await plugin.open(make_services(consumers=CONSUMERS))
    return plugin


async def outcome(*values: str, **config: object) -> Outcome:
    plugin = await opened(**config)
    exchange = make_exchange(make_request(headers=[("authorization", value) for value in values]))
    found = await run_phase(plugin, "authenticate", exchange)
    await plugin.close()
    assert isinstance(found, Outcome)
    return found


@pytest.mark.parametrize(
    ("value", "username"),
    [
        (GOOD, "jack"),
        (GOOD.replace("Basic", "bAsIc"), "jack"),
        (GOOD.replace("Basic ", "Basic   "), "jack"),
        (basic("j\u00efll", "in the clear"), "jill"),
    ],
)
async def test_a_name_and_its_password_name_the_consumer(value: str, username: str) -> None:
    found = await outcome(value)
    assert found.consumer is not None
    assert found.consumer.username == username


@pytest.mark.parametrize("values", [[], ["Bearer x"], ["Basics " + GOOD[6:]], [""], [GOOD[6:]]])
async def test_without_basic_credentials_there_is_nothing_to_look_at(values: list[str]) -> None:
    found = await outcome(*values, realm="staff")
    assert not found.present
    assert (found.message, found.challenge) == (
        "Missing authorization in request",
        'Basic realm="staff", charset="UTF-8"',
    )


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([basic("jack", "wrong")], "the password is another"),
        ([basic("jack", "")], "the password is another"),
        ([basic("jack", HASH)], "the password is another"),
        ([basic("jack", "sesame: o\u0308ffne dich")], "the password is another"),
        ([basic("j\u00efll", "In the clear")], "the password is another"),
        ([basic("Jack", "sesame: \u00f6ffne dich")], "no consumer has this username"),
        ([basic("jack ", "sesame: \u00f6ffne dich")], "no consumer has this username"),
        ([basic("", "")], "no consumer has this username"),
        ([basic("nobody", "x")], "no consumer has this username"),
        ([encoded(b"jack\0:x")], "no consumer has this username"),
        (["Basic"], "the credentials are not base64 of UTF-8 text with a colon"),
        (["Basic *"], "the credentials are not base64 of UTF-8 text with a colon"),
        ([GOOD + "\u00e4"], "the credentials are not base64 of UTF-8 text with a colon"),
        ([GOOD[:-1]], "the credentials are not base64 of UTF-8 text with a colon"),
        ([GOOD + ", " + GOOD], "the credentials are not base64 of UTF-8 text with a colon"),
        ([GOOD + "\tx"], "the credentials are not base64 of UTF-8 text with a colon"),
        ([encoded(b"no colon")], "the credentials are not base64 of UTF-8 text with a colon"),
        (
            [encoded("jack:sesame: \u00f6ffne dich".encode("latin-1"))],
            "the credentials are not base64 of UTF-8 text with a colon",
        ),
        ([GOOD, GOOD], "2 Authorization fields in one request"),
        (["Bearer x", GOOD], "2 Authorization fields in one request"),
    ],
)
async def test_credentials_that_do_not_hold(values: list[str], reason: str) -> None:
    found = await outcome(*values)
    assert (found.holds, found.present, found.consumer) == (False, True, None)
    assert (found.message, found.reason) == ("Invalid user authorization", reason)


async def test_name_and_password_do_not_go_on_and_other_schemes_do() -> None:
    fields = [("authorization", GOOD), ("authorization", "BASIC x"), ("authorization", "Bearer x"), ("x", "1")]
    exchange = make_exchange(make_request(headers=fields))
    (await opened()).conceal(exchange.request)
    assert exchange.request.headers.get_all("authorization") == ["Bearer x"]


async def test_they_go_on_where_that_is_wanted() -> None:
    exchange = make_exchange(make_request(headers={"authorization": GOOD}))
    (await opened(hide_credentials=False)).conceal(exchange.request)
    assert exchange.request.headers.get("authorization") == GOOD


@pytest.mark.parametrize("config", [{"realm": 'a"b'}, {"realm": "a\nb"}, {"anonymous_consumer": ""}, {"header": "x"}])
def test_what_can_not_be_configured(config: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        make_plugin(BasicAuth, config)


class Counted:
    """Stands for the derivation of keys, and counts it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str | None, str]] = []
        monkeypatch.setattr("phasegate_auth.password_checks.check_password", self._check)

    def _check(self, kept: str | None, given: str) -> bool:
        self.asked.append((kept, given))
        return kept == given


async def test_an_unknown_user_costs_what_a_wrong_password_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    for user in ("jack", "nobody"):
        for _ in range(2):
            await outcome(basic(user, "wrong"))
    assert counted.asked == [(HASH, "wrong"), (HASH, "wrong"), (None, "wrong"), (None, "wrong")]


async def test_an_unknown_user_costs_what_others_hashes_cost_and_never_gets_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash of another cost than new ones have would tell by the time which users there are."""
    counted = Counted(monkeypatch)
    checks = PasswordChecks(FixedClock())
    assert await checks.holds("jack", "dear", "dear")
    assert [await checks.holds("nobody", None, given) for given in ("wrong", "dear", "dear")] == [False] * 3
    assert counted.asked == [("dear", "dear"), ("dear", "wrong"), ("dear", "dear"), ("dear", "dear")]
    assert not checks.held("nobody", None, "dear")
    checks.close()


async def test_what_held_is_remembered_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    counted, clock = Counted(monkeypatch), FixedClock()
    checks = PasswordChecks(clock)
    assert [await checks.holds("u", "right", "right") for _ in range(3)] == [True, True, True]
    assert len(counted.asked) == 1
    clock.advance(61)
    await asyncio.sleep(0)
    assert await checks.holds("u", "right", "right")
    assert len(counted.asked) == 2
    checks.close()


async def test_what_did_not_hold_is_not_remembered_and_a_new_password_is_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = Counted(monkeypatch)
    checks = PasswordChecks(FixedClock())
    assert await checks.holds("u", "old", "old")
    assert [await checks.holds("u", "new", "old") for _ in range(2)] == [False, False]
    assert not await checks.holds("u", None, "old")
    assert len(counted.asked) == 4
    checks.close()


async def test_equal_questions_at_one_time_are_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    checks = PasswordChecks(FixedClock())
    assert await asyncio.gather(*(checks.holds("u", "right", "right") for _ in range(20))) == [True] * 20
    assert len(counted.asked) == 1
    checks.close()


async def test_too_many_that_wait_are_turned_away() -> None:
    checks = PasswordChecks(FixedClock())
    asked = [asyncio.create_task(checks.holds("u", None, str(number))) for number in range(65)]
    with pytest.raises(ServiceUnavailable):
        await asked[64]
    checks.close()
    await asyncio.gather(*asked, return_exceptions=True)


async def tried(plugin: BasicAuth, value: str, peer: str = "192.0.2.1") -> str:
    exchange = make_exchange(make_request(headers={"authorization": value}, peer=peer))
    found = await run_phase(plugin, "authenticate", exchange)
    return "in" if found.holds else found.reason


LOCKED = "too many passwords were wrong, so none is looked at"


async def test_after_many_wrong_passwords_none_is_looked_at_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    counted, clock = Counted(monkeypatch), FixedClock()
    plugin = make_plugin(BasicAuth, {"lockout_failures": 3})
    await plugin.open(make_services(consumers=CONSUMERS, clock=clock))
    good = basic("j\u00efll", "in the clear")
    for user, reason in (("j\u00efll", "the password is another"), ("nobody", "no consumer has this username")):
        answers = [await tried(plugin, basic(user, str(number))) for number in range(5)]
        assert answers == [reason, reason, reason, LOCKED, LOCKED]
    assert len(counted.asked) == 6
    assert await tried(plugin, good) == LOCKED
    assert await tried(plugin, good, peer="192.0.2.2") == "in"
    assert await tried(plugin, good) == "in"
    clock.advance(60)
    assert await tried(plugin, basic("j\u00efll", "x")) == "the password is another"
    await plugin.close()


async def test_passwords_that_are_tried_at_once_are_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    plugin = make_plugin(BasicAuth, {"lockout_failures": 3})
    await plugin.open(make_services(consumers=CONSUMERS, clock=FixedClock()))
    guesses = [*map(str, range(9)), "in the clear"]
    answers = await asyncio.gather(*(tried(plugin, basic("j\u00efll", guess)) for guess in guesses))
    assert answers == ["the password is another"] * 3 + [LOCKED] * 7
    assert len(counted.asked) == 3
    await plugin.close()


async def test_one_password_that_comes_often_at_once_is_one_try(monkeypatch: pytest.MonkeyPatch) -> None:
    Counted(monkeypatch)
    plugin = make_plugin(BasicAuth, {"lockout_failures": 3})
    await plugin.open(make_services(consumers=CONSUMERS, clock=FixedClock()))
    good = basic("j\u00efll", "in the clear")
    assert await asyncio.gather(*(tried(plugin, good) for _ in range(9))) == ["in"] * 9
    assert plugin._failures._tried == {}
    await plugin.close()


async def test_many_users_tried_from_one_address_lock_it_out_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    Counted(monkeypatch)
    plugin = make_plugin(BasicAuth, {"lockout_failures": 2})
    await plugin.open(make_services(consumers=CONSUMERS, clock=FixedClock()))
    answers = [await tried(plugin, basic(f"user-{number}", "x")) for number in range(12)]
    assert answers == ["no consumer has this username"] * 10 + [LOCKED] * 2
    assert await tried(plugin, basic("j\u00efll", "in the clear")) == LOCKED
    await plugin.close()


@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("unix:", "unix:", True),
    ],
)
def test_the_addresses_that_one_sender_has_are_counted_as_one(first: str, second: str, *, counts: bool) -> None:
    failures = Failures(FixedClock(), most=1, seconds=60)
    failures.note(first, "jack")
    assert failures.are_too_many(second, "jack", "x") is counts


async def test_nobody_is_locked_out_where_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    Counted(monkeypatch)
    plugin = make_plugin(BasicAuth, {"lockout_failures": 0})
    await plugin.open(make_services(consumers=CONSUMERS, clock=FixedClock()))
    assert LOCKED not in [await tried(plugin, basic("jack", str(number))) for number in range(200)]
    await plugin.close()


def test_what_is_counted_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phasegate_auth.failures._REMEMBERED", 4)
    failures = Failures(FixedClock(), most=1, seconds=60)
    for number in range(50):
        failures.note(f"192.0.2.{number}", "jack")
    assert len(failures._counted) <= 4
    assert failures.are_too_many("192.0.2.49", "jack", "x")
