"""Which failures are retried, how often, and after what wait; how that goes over the wire is tested with the gateway."""

import pytest

from phasegate.errors import (
    FunctionFailed,
    MalformedResponse,
    Repeat,
    ResponseCut,
    UpstreamError,
    UpstreamTimeout,
    UpstreamTLSFailed,
    UpstreamUnreachable,
)
from phasegate.faas import is_idempotent
from phasegate.faas.budget import RetryBudget
from phasegate.faas.retries import Retries, Retrying, repeat_of
from phasegate.plugin import SystemClock
from phasegate.testing import make_request


def unsent(error: UpstreamError) -> UpstreamError:
    error.sent = False
    return error


@pytest.mark.parametrize(
    ("error", "repeat"),
    [
        (unsent(UpstreamUnreachable("refused")), "always"),
        (unsent(UpstreamTimeout("did not connect")), "always"),
        (unsent(UpstreamTLSFailed("not trusted")), "never"),
        (UpstreamUnreachable("closed"), "if_idempotent"),
        (UpstreamTimeout("no head"), "never"),
        (MalformedResponse("not HTTP"), "never"),
        (ResponseCut("half"), "never"),
        (FunctionFailed("of its own"), "never"),
        (FunctionFailed("throttled", repeat="always"), "always"),
        (FunctionFailed("who knows", repeat="if_idempotent"), "if_idempotent"),
    ],
)
def test_each_failure_is_of_a_class(error: UpstreamError, repeat: Repeat) -> None:
    assert repeat_of(error, on_timeout=False) == repeat


def test_a_timeout_may_be_repeated_where_that_is_asked_for() -> None:
    assert repeat_of(UpstreamTimeout("no head"), on_timeout=True) == "if_idempotent"


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        *((method, {}, True) for method in ("GET", "HEAD", "OPTIONS")),
        *((method, {}, False) for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE")),
        ("POST", {"idempotency-key": "one"}, True),
        ("POST", {"idempotency-key": ""}, False),
    ],
)
def test_what_may_be_done_twice(method: str, headers: dict[str, str], expected: bool) -> None:
    assert is_idempotent(make_request(method, headers=headers)) == expected


THROTTLED = FunctionFailed("throttled", repeat="always")


def begun(most: int = 1, wait_seconds: float = 1.0) -> Retrying:
    clock = SystemClock()
    budget = RetryBudget(20, clock.monotonic())
    return Retries(most=most, wait_seconds=wait_seconds, on_timeout=False, budget=budget, clock=clock).begin()


def waits(retrying: Retrying, error: UpstreamError = THROTTLED) -> list[float]:
    found = []
    while (seconds := retrying.next(error, idempotent=False)) is not None:
        found.append(seconds)
    return found


@pytest.mark.parametrize("most", [0, 1, 3])
def test_there_are_as_many_as_there_may_be(most: int) -> None:
    retrying = begun(most)
    assert len(waits(retrying)) == retrying.made == most


def test_each_wait_is_longer_than_the_one_before_by_chance_and_their_sum_is_bounded() -> None:
    bounds = [(0.025, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 0.4), (0.4, 0.8)]
    for _ in range(50):
        found = waits(begun(10))
        assert all(low <= seconds <= high for seconds, (low, high) in zip(found, bounds, strict=False))
        assert 0.375 < sum(found) < 1.001
    assert len({waits(begun())[0] for _ in range(20)}) > 1


def asked(seconds: float) -> FunctionFailed:
    return FunctionFailed("throttled", repeat="always", wait_seconds=seconds)


def test_what_the_service_asks_for_is_waited() -> None:
    assert waits(begun(), asked(1)) == [1]
    assert 0.025 <= waits(begun(), asked(0))[0] <= 0.05


def test_a_wait_that_is_too_long_by_itself_or_with_those_before_is_left_to_the_client() -> None:
    assert waits(begun(), asked(2)) == []
    assert waits(begun(5, wait_seconds=2.5), asked(1)) == [1, 1]


def test_what_is_not_retried_takes_nothing_from_the_budget() -> None:
    retrying = begun(20)
    for _ in range(20):
        assert retrying.next(UpstreamUnreachable("closed"), idempotent=False) is None
        assert retrying.next(asked(60), idempotent=True) is None
    assert len(waits(begun(10, wait_seconds=60))) == 10
