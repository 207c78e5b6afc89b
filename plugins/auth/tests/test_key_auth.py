import pytest

from phasegate import ConfigError, Exchange, Outcome
from phasegate.testing import make_exchange, make_plugin, make_request, make_services, run_phase
from phasegate_auth import KeyAuth

CONSUMERS = {"jack": (KeyAuth, {"key": "sesame"})}


async def opened(**config: object) -> KeyAuth:
    plugin = make_plugin(KeyAuth, config)
    await plugin.open(make_services(consumers=CONSUMERS))
    return plugin


def asked(*headers: tuple[str, str]) -> Exchange:
    return make_exchange(make_request(headers=headers))


async def outcome(plugin: KeyAuth, *headers: tuple[str, str]) -> Outcome:
    found = await run_phase(plugin, "authenticate", asked(*headers))
    assert isinstance(found, Outcome)
    return found


def test_defaults_are_apisix_s_but_for_hiding_credentials() -> None:
    plugin = make_plugin(KeyAuth)
    assert (plugin.header, plugin.hide_credentials, plugin.realm) == ("apikey", True, "key")


@pytest.mark.parametrize("config", [{"header": "two words"}, {"header": ""}, {"realm": 'a"b'}, {"query": "x"}])
def test_what_can_not_be_configured(config: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        make_plugin(KeyAuth, config)


async def test_a_key_names_its_consumer() -> None:
    found = await outcome(await opened(), ("apikey", "sesame"))
    assert found.consumer is not None
    assert found.consumer.username == "jack"


async def test_without_a_key_there_is_nothing_to_look_at() -> None:
    found = await outcome(await opened(realm="staff"))
    assert not found.present
    assert (found.message, found.challenge) == ("Missing API key in request", 'apikey realm="staff"')


@pytest.mark.parametrize("key", ["", "Sesame", "sesame ,", "open"])
async def test_a_wrong_key_is_invalid_and_shown_to_nobody(key: str) -> None:
    found = await outcome(await opened(), ("apikey", key))
    assert found.present
    assert found.consumer is None
    assert (found.message, found.reason) == ("Invalid API key in request", "no consumer has this key")


async def test_two_keys_are_refused_even_when_one_is_good() -> None:
    found = await outcome(await opened(), ("apikey", "sesame"), ("apikey", "sesame"))
    assert found.consumer is None
    assert found.reason == "2 keys in one request"


async def test_the_header_can_be_another() -> None:
    found = await outcome(await opened(header="X-Key"), ("x-key", "sesame"))
    assert found.consumer is not None


async def test_the_key_does_not_go_on() -> None:
    exchange = asked(("apikey", "sesame"), ("x", "1"))
    await run_phase(await opened(), "access", exchange)
    assert "apikey" not in exchange.request.headers
    assert exchange.original.headers.get("apikey") == "sesame"


async def test_the_key_goes_on_where_that_is_wanted() -> None:
    exchange = asked(("apikey", "sesame"))
    await run_phase(await opened(hide_credentials=False), "access", exchange)
    assert exchange.request.headers.get("apikey") == "sesame"
