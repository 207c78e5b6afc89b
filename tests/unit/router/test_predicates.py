from typing import Any

import pytest

from phasegate.router.predicates import compile_vars
from phasegate.testing import make_request

REQUEST = make_request(
    "POST",
    "/items/7?name=json&n=10&tag=a+b",
    headers={"x-version": "2", "cookie": "session=abc", "host": "shop.test"},
    peer="10.0.0.5",
)
PARAMS = {"id": "7"}


def holds(*conditions: Any) -> bool:
    return compile_vars(conditions)(REQUEST, PARAMS)


@pytest.mark.parametrize(
    "condition",
    [
        ["arg_name", "==", "json"],
        ["arg_tag", "==", "a b"],
        ["arg_n", "==", 10],
        ["arg_name", "~=", "xml"],
        ["arg_missing", "~=", "xml"],
        ["arg_name", "!", "==", "xml"],
        ["arg_n", ">", 9],
        ["arg_n", ">=", "10"],
        ["arg_n", "<", 10.5],
        ["arg_n", "<=", 10],
        ["http_x_version", "~~", "^[0-9]+$"],
        ["arg_name", "~*", "^JS"],
        ["arg_name", "in", ["xml", "json"]],
        ["arg_n", "IN", [9, 10]],
        ["cookie_session", "==", "abc"],
        ["request_method", "==", "POST"],
        ["uri", "==", "/items/7"],
        ["host", "==", "shop.test"],
        ["scheme", "==", "http"],
        ["remote_addr", "ipmatch", ["10.0.0.0/8"]],
        ["uri_param_id", "==", "7"],
        ["server_protocol", "==", "HTTP/1.1"],
        ["OR", ["arg_name", "==", "xml"], ["arg_n", "==", 10]],
        ["AND", ["arg_name", "==", "json"], ["arg_n", "==", 10]],
        ["!OR", ["arg_name", "==", "xml"], ["arg_n", "==", 11]],
        ["!AND", ["arg_name", "==", "json"], ["arg_n", "==", 11]],
        ["OR", ["AND", ["arg_n", ">", 99]], ["!AND", ["arg_n", ">", 99]]],
    ],
)
def test_conditions_that_hold(condition: list[Any]) -> None:
    assert holds(condition)


@pytest.mark.parametrize(
    "condition",
    [
        ["arg_name", "==", "JSON"],
        ["arg_missing", "==", "x"],
        ["arg_missing", ">", 0],
        ["arg_name", ">", 0],
        ["arg_missing", "~~", ".*"],
        ["arg_name", "in", ["xml"]],
        ["remote_addr", "ipmatch", "192.0.2.0/24"],
        ["OR", ["arg_name", "==", "xml"]],
    ],
)
def test_conditions_that_do_not_hold(condition: list[Any]) -> None:
    assert not holds(condition)


def test_all_conditions_must_hold() -> None:
    assert not holds(["arg_name", "==", "json"], ["arg_n", "==", 11])


def test_one_expression_may_stand_for_the_list() -> None:
    assert compile_vars(["OR", ["arg_name", "==", "xml"], ["arg_n", "==", 10]])(REQUEST, PARAMS)


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        (["arg_x", "==", []], "string or a number"),
        (["arg_x", "=", "y"], "no operator '='"),
        (["arg_x", "=="], "must be"),
        ([], "must be"),
        ("arg_x", "must be"),
        (["http", "==", "x"], "no variable"),
        (["request_metod", "==", "x"], "did you mean 'request_method'"),
        (["arg_x", "~~", "("], "broken regular expression"),
        (["http_a-b", "==", "x"], "no header 'a-b': write http_ and its name with _ for -"),
        (["arg_x", "~~", 5], "it is no text"),
        (["arg_x", "in", "abc"], "list of values"),
        (["arg_x", ">", "many"], "give a number"),
        (["arg_x", "ipmatch", ["nowhere"]], "CIDR"),
        (["OR"], "at least one condition"),
        (["AND", ["arg_x", "??", 1]], r"\[0\]\[1\] has no operator"),
    ],
)
def test_what_is_no_condition_is_refused_with_the_reason(condition: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        compile_vars([condition])
