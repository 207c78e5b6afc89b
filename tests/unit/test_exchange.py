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
