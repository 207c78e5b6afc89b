import pytest

from phasegate import Conditions
from phasegate.testing import make_exchange, make_request


def test_conditions_are_judged_by_the_request_as_it_was_received() -> None:
    exchange = make_exchange(make_request("GET", "/a"))
    exchange.request.path = "/b"
    assert Conditions([["uri", "==", "/a"]]).hold(exchange)


def test_parameters_of_the_route_count() -> None:
    exchange = make_exchange()
    exchange.params = {"n": "7"}
    assert Conditions([["uri_param_n", ">", 6]]).hold(exchange)


@pytest.mark.parametrize(("status", "holds"), [("200", False), ("404", True)])
def test_a_value_may_be_given_with_the_question(status: str, *, holds: bool) -> None:
    conditions = Conditions([["status", ">=", 400]], ["status"])
    assert conditions.hold(make_exchange(), status=status) is holds


def test_what_is_given_is_no_parameter_of_the_route() -> None:
    exchange = make_exchange()
    exchange.params = {"status": "500", "$status": "500"}
    assert not Conditions([["uri_param_status", "==", 200]], ["status"]).hold(exchange, status="200")
    assert exchange.params == {"status": "500", "$status": "500"}


def test_every_wrong_condition_is_told_with_its_place() -> None:
    found = Conditions.wrong([["status", "==", 1], ["uri", "==", "/"], [1]], "vars")
    assert [str(finding).split(" (")[0].split(": ")[0] for finding in found] == ["vars[0]", "vars[2]"]
    assert list(Conditions.wrong([["status", "==", 1]], "vars", ["status"])) == []
