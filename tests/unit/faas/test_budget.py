from phasegate.faas.budget import RetryBudget


def taken(budget: RetryBudget, calls: int, now: float = 0.0) -> int:
    """Return how many of so many calls, which all fail, are made once more."""
    found = 0
    for _ in range(calls):
        budget.calls += 1
        found += budget.take(now)
    return found


def test_it_begins_with_ten_retries_and_each_call_adds_its_percentage() -> None:
    budget = RetryBudget(20, 0.0)
    assert taken(budget, 12) == 12
    assert taken(budget, 88) == 17


def test_when_it_is_used_up_one_call_in_five_is_made_once_more() -> None:
    budget = RetryBudget(20, 0.0)
    taken(budget, 200)
    assert taken(budget, 1000) == 200


def test_what_calls_earned_is_kept_up_to_ten() -> None:
    budget = RetryBudget(20, 0.0)
    budget.calls += 100_000
    assert [budget.take(0.0) for _ in range(11)] == [True] * 10 + [False]


def test_a_function_that_is_hardly_called_has_a_retry_every_ten_seconds() -> None:
    budget = RetryBudget(0, 100.0)
    assert taken(budget, 12, 100.0) == 10
    assert not budget.take(109.0)
    assert budget.take(110.0)
    assert not budget.take(110.0)
