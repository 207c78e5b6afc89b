from typing import Any

import pytest

from phasegate import Consumer, Credential, Exchange
from phasegate.authentication import tell
from phasegate.faas import authorizer
from phasegate.testing import make_exchange

JACK = Consumer("jack", labels={"custom_id": "4711"}, group_id="gold")
CLAIMS = {"sub": "s", "exp": 12, "scope": "read write", "roles": ["a"], "ok": True}
CONTEXT = {"username": "jack", "customId": "4711", "groups": "gold", "credentialIdentifier": "one"}
TEXTS = {"sub": "s", "exp": "12", "scope": "read write", "roles": '["a"]', "ok": "true"}


def exchange(consumer: Consumer | None = None, claims: dict[str, Any] | None = None) -> Exchange:
    made = make_exchange()
    made.consumer, made.claims = consumer, claims
    if consumer is not None:
        made.credential = Credential("jack/one", "token", {"token": "t"}, "one")
    return made


@pytest.mark.parametrize(
    ("consumer", "claims", "first", "second"),
    [
        (None, None, None, None),
        (JACK, None, {"principalId": "jack", **CONTEXT}, {"lambda": CONTEXT}),
        (
            None,
            CLAIMS,
            {"principalId": "s", "claims": TEXTS},
            {"jwt": {"claims": TEXTS, "scopes": ["read", "write"]}},
        ),
        (
            JACK,
            {"sub": "s"},
            {"principalId": "jack", **CONTEXT, "claims": {"sub": "s"}},
            {"lambda": CONTEXT, "jwt": {"claims": {"sub": "s"}, "scopes": None}},
        ),
    ],
)
def test_who_calls_in_both_formats(consumer: Any, claims: Any, first: Any, second: Any) -> None:
    asked = exchange(consumer, claims)
    assert (authorizer(asked, "1.0"), authorizer(asked)) == (first, second)


def test_an_anonymous_caller_is_told_as_such_and_no_secret_is() -> None:
    asked = make_exchange()
    asked.consumer = Consumer("guest")
    tell(asked.request.headers, asked.consumer, None, anonymous=True)
    assert authorizer(asked) == {"lambda": {"username": "guest", "anonymous": "true"}}
