from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from phasegate.model import Node
from phasegate.upstream.balancer import Balancer


def nodes(*weights: int) -> tuple[Node, ...]:
    return tuple(Node(f"n{index}", 80, weight) for index, weight in enumerate(weights))


def turns(balancer: Balancer[Node], count: int) -> list[str]:
    return [node.host for _ in range(count) if (node := balancer.next()) is not None]


def test_weights_are_spread_evenly() -> None:
    assert turns(Balancer(nodes(5, 1, 1)), 7) == ["n0", "n0", "n1", "n0", "n2", "n0", "n0"]


def test_a_node_without_weight_gets_nothing() -> None:
    assert set(turns(Balancer(nodes(0, 1)), 5)) == {"n1"}


def test_without_any_weight_there_is_no_node() -> None:
    assert Balancer(nodes(0, 0)).next() is None


@given(st.lists(st.integers(0, 20), min_size=1, max_size=6).filter(any))
def test_over_a_round_each_node_gets_its_weight(weights: list[int]) -> None:
    balancer = Balancer(nodes(*weights))
    counts = Counter(turns(balancer, 3 * sum(weights)))
    assert [counts[f"n{index}"] for index in range(len(weights))] == [3 * weight for weight in weights]
