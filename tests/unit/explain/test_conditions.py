"""Predicates in words."""

import pytest

from phasegate.environment import FromEnvironment
from phasegate.explain.conditions import present, spelt
from phasegate.explain.veil import Veil
from phasegate.testing import make_request

REQUEST = make_request(
    target="/a?v=1&token=s3cret", headers={"x-version": "2", "x-api-key": "s3cret", "cookie": "id=s3cret"}
)
CASES = [
    (("arg_v", "==", "2"), "arg_v == '2'", "it is 1"),
    (("arg_w", "!", "in", ["1"]), "arg_w ! in ['1']", "there is none"),
    (("http_x_version", ">", 3), "http_x_version > 3", "it is 2"),
    (("remote_addr", "ipmatch", ["10.0.0.0/8"]), "remote_addr ipmatch ['10.0.0.0/8']", "it is 192.0.2.1"),
    (("arg_token", "==", "s3cret"), "arg_token == ***", "it is ***"),
    (("http_x_api_key", "==", "s3cret"), "http_x_api_key == ***", "it is ***"),
    (("cookie_id", "==", "s3cret"), "cookie_id == ***", None),
    (("request_uri", "~~", "x"), "request_uri ~~ 'x'", None),
    (("args", "~~", "x"), "args ~~ 'x'", None),
    (("uri_param_id", "==", "1"), "uri_param_id == '1'", None),
    (
        ("http_x_version", "==", FromEnvironment("s3cret")),
        "http_x_version == a value from the environment",
        "it is ***",
    ),
    (("OR", ("arg_v", "==", "2"), ("cookie_id", "==", "s3cret")), "OR(arg_v == '2', cookie_id == ***)", None),
]


@pytest.mark.parametrize(("condition", "words", "there"), CASES)
def test_a_condition_is_spelt_without_its_secrets(condition: object, words: str, there: str | None) -> None:
    assert spelt(condition, Veil()) == words
    assert present(condition, REQUEST, Veil()) == there
