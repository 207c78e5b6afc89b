import pytest

from phasegate.testing import make_exchange


@pytest.mark.parametrize("address", ["198.51.100.7", "2001:db8::7"])
def test_another_client_is_so_for_everybody(address: str) -> None:
    exchange = make_exchange()
    exchange.set_client(address)
    assert (exchange.request.client, exchange.original.client) == (address, address)
    assert exchange.received[0][0] == address
    assert exchange.request.peer == exchange.original.peer == "192.0.2.1"


@pytest.mark.parametrize("address", ["", "unix:", "host.test", "1.2.3", "10.0.0.0/8"])
def test_what_is_no_address_is_no_client(address: str) -> None:
    exchange = make_exchange()
    with pytest.raises(ValueError, match="no IP address"):
        exchange.set_client(address)
    assert exchange.request.client == "192.0.2.1"


def test_state_is_one_place_for_all_plugins() -> None:
    exchange = make_exchange()
    exchange.state["me"] = 1
    exchange.state.setdefault("you", {})["a"] = 2
    assert exchange.state == {"me": 1, "you": {"a": 2}}


def test_state_and_params_can_be_set_whole() -> None:
    exchange, state, params = make_exchange(), {"me": 1}, {"id": "7"}
    exchange.state, exchange.params = state, params
    state["you"], params["name"] = 2, "x"
    assert (exchange.state, exchange.params) == ({"me": 1, "you": 2}, {"id": "7", "name": "x"})


def test_what_nobody_has_set_is_empty_and_each_exchanges_own() -> None:
    one, other = make_exchange(), make_exchange()
    assert (one.state, one.params) == ({}, {})
    one.state["me"], one.params["id"] = 1, "7"
    assert (other.state, other.params) == ({}, {})
