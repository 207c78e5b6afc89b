import gc

from phasegate.faas.gate import GateLimits
from phasegate.faas.sharing import SharedFunctions, shared_functions
from phasegate.upstream.client import UpstreamClient

LIMITS = GateLimits(1, 1, 1.0)


async def test_a_function_has_one_gate_as_long_as_somebody_is_there() -> None:
    shared = SharedFunctions()
    place = await shared.gate("f", LIMITS).enter()
    assert shared.gate("f", LIMITS) is shared.gate("f", LIMITS)
    assert shared.gate("g", LIMITS) is not shared.gate("f", LIMITS)
    assert shared.gate("f", LIMITS._replace(calls=2)) is not shared.gate("f", LIMITS)
    place.leave()
    del place
    gc.collect()
    assert shared.gates == []


def test_a_function_has_one_budget_as_long_as_somebody_uses_it() -> None:
    shared = SharedFunctions()
    budget = shared.budget("f", 20, 0.0)
    while budget.take(0.0):
        pass
    assert shared.budget("f", 20, 0.0) is budget
    assert shared.budget("g", 20, 0.0).take(0.0)
    assert shared.budget("f", 10, 0.0).take(0.0)
    del budget
    gc.collect()
    assert shared.budget("f", 20, 0.0).take(0.0)


def test_gateways_share_nothing() -> None:
    one, other = UpstreamClient(), UpstreamClient()
    assert shared_functions(one) is shared_functions(one)
    assert shared_functions(one) is not shared_functions(other)
