import pytest

from phasegate import ConfigError, Exchange, Outcome
from phasegate.testing import make_exchange, make_plugin, make_request, make_services, run_phase
from phasegate_auth import KeyAuth

CONSUMERS = {"jack": (KeyAuth, {"key": "sesame"})}


async def opened(**config: object) -> KeyAuth:
    plugin = make_plugin(KeyAuth, config)
    await plugin.open(make_services(consumers=CONSUMERS))
    return plugin


def asked(*headers: tuple[str, str], target: str = "/") -> Exchange:
    return make_exchange(make_request("GET", target, headers=headers))


async def outcome(plugin: KeyAuth, *headers: tuple[str, str], target: str = "/") -> Outcome:
    found = await run_phase(plugin, "authenticate", asked(*headers, target=target))
    assert isinstance(found, Outcome)
    return found


def test_defaults_are_apisix_s_but_for_hiding_credentials() -> None:
    plugin = make_plugin(KeyAuth)
    assert (plugin.header, plugin.query, plugin.hide_credentials, plugin.realm) == ("apikey", "apikey", True, "key")


@pytest.mark.parametrize(
    "config", [{"header": "two words"}, {"header": ""}, {"realm": 'a"b'}, {"query": "a b"}, {"cookie": "x"}]
)
def test_what_can_not_be_configured(config: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        make_plugin(KeyAuth, config)


async def test_a_key_names_its_consumer() -> None:
    found = await outcome(await opened(), ("apikey", "sesame"))
    assert found.consumer is not None
    assert found.consumer.username == "jack"


async def test_fields_of_other_names_may_stand_twice() -> None:
    assert (await outcome(await opened(), ("cookie", "a=1"), ("apikey", "sesame"), ("cookie", "b=2"))).holds


async def test_without_a_key_there_is_nothing_to_look_at() -> None:
    found = await outcome(await opened(realm="staff"))
    assert not found.present
    assert (found.message, found.challenge) == ("Missing API key in request", 'apikey realm="staff"')


@pytest.mark.parametrize("key", ["", "Sesame", "sesame ,", "sesame,sesame", "open", "s\u00e9same", "null", "*"])
async def test_a_wrong_key_is_invalid_and_shown_to_nobody(key: str) -> None:
    found = await outcome(await opened(), ("apikey", key))
    assert found.present
    assert found.consumer is None
    assert (found.message, found.reason) == ("Invalid API key in request", "no consumer has this key")


@pytest.mark.parametrize(
    ("headers", "target", "reason"),
    [
        (["sesame", "sesame"], "/", "2 keys in one request"),
        (["sesame", ""], "/", "2 keys in one request"),
        ([], "/?apikey=sesame&apikey=sesame", "2 keys in one request"),
        ([], "/?apikey=sesame&api%6bey=x", "2 keys in one request"),
        (["wrong"], "/?apikey=sesame", "no consumer has this key"),
        ([], "/?apikey=", "no consumer has this key"),
        ([], "/?apikey", "no consumer has this key"),
        ([], "/?apikey=%ff%fe", "no consumer has this key"),
    ],
)
async def test_keys_that_nobody_could_say_which_counts_and_others_that_are_wrong(
    headers: list[str], target: str, reason: str
) -> None:
    found = await outcome(await opened(), *[("apikey", key) for key in headers], target=target)
    assert (found.holds, found.present, found.reason) == (False, True, reason)


@pytest.mark.parametrize("target", ["/?apikey=sesame", "/?x=1&api%6Bey=s%65same", "/?apikey=sesame#".rstrip("#")])
async def test_a_key_may_stand_in_the_query(target: str) -> None:
    found = await outcome(await opened(), target=target)
    assert found.consumer is not None


async def test_the_header_beats_the_query() -> None:
    assert (await outcome(await opened(), ("apikey", "sesame"), target="/?apikey=wrong")).holds


@pytest.mark.parametrize("place", ["/?APIKEY=sesame", "/?apikey[]=sesame", "/apikey/sesame"])
async def test_other_places_are_none(place: str) -> None:
    assert not (await outcome(await opened(), ("cookie", "apikey=sesame"), target=place)).present


async def test_the_header_can_be_another() -> None:
    found = await outcome(await opened(header="X-Key"), ("x-key", "sesame"))
    assert found.consumer is not None


async def test_the_key_does_not_go_on() -> None:
    exchange = asked(("apikey", "sesame"), ("x", "1"), target="/?a=%7e&apikey=sesame&b=+&api%6bey=x")
    (await opened()).conceal(exchange.request)
    assert "apikey" not in exchange.request.headers
    assert exchange.request.query.raw == "a=%7e&b=+"
    assert exchange.original.headers.get("apikey") == "sesame"


async def test_the_key_goes_on_where_that_is_wanted() -> None:
    exchange = asked(("apikey", "sesame"), target="/?apikey=x")
    (await opened(hide_credentials=False)).conceal(exchange.request)
    assert exchange.request.headers.get("apikey") == "sesame"
    assert exchange.request.query.raw == "apikey=x"


async def test_without_a_key_the_request_is_from_the_anonymous_consumer() -> None:
    found = await outcome(await opened(anonymous_consumer="jack"))
    assert found.anonymous is not None
    assert found.anonymous.username == "jack"


async def test_an_anonymous_consumer_that_is_none_lets_nobody_in() -> None:
    found = await outcome(await opened(anonymous_consumer="ghost"))
    assert (found.holds, found.anonymous) == (False, None)
