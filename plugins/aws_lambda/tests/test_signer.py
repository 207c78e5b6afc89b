"""What a signer keeps from one request to the next never outlives its day or its keys."""

from hypothesis import given
from hypothesis import strategies as st

from phasegate import Body, Secret
from phasegate.faas import FunctionRequest
from phasegate_aws_lambda.canonical import canonical_query, joined, query_forms, wire_query
from phasegate_aws_lambda.credentials import Keys
from phasegate_aws_lambda.endpoint import Endpoint
from phasegate_aws_lambda.signer import Signer

FIRST, SECOND = Keys("AKIDFIRST", Secret("one")), Keys("AKIDSECOND", Secret("two"), Secret("t0ken"))
MIDNIGHT = 1_700_006_400.0


def signature(signer: Signer, keys: Keys, now: float, host: str = "h.example") -> bytes | None:
    request = FunctionRequest(method="GET", host=host, path="/", query="", headers=[], body=Body(b""))
    signer.sign(request, "e3b0", now, keys)
    return request.get(b"authorization")


def fresh() -> Signer:
    return Signer(endpoint=Endpoint("eu-west-1", "lambda"))


def test_a_signer_that_was_used_signs_as_a_new_one() -> None:
    signer = fresh()
    for keys, now in ((FIRST, MIDNIGHT - 1), (SECOND, MIDNIGHT - 1), (SECOND, MIDNIGHT), (FIRST, MIDNIGHT)):
        assert signature(signer, keys, now) == signature(fresh(), keys, now)


def test_a_signer_that_signed_for_another_host_or_within_the_second_signs_as_a_new_one() -> None:
    signer = fresh()
    for host, now in (("a.example", MIDNIGHT), ("b.example", MIDNIGHT + 0.9), ("a.example", MIDNIGHT - 0.1)):
        assert signature(signer, FIRST, now, host) == signature(fresh(), FIRST, now, host)


@given(st.text("ab&=+%2f/-", max_size=12), st.sampled_from((1, 40)))
def test_a_query_that_came_before_is_signed_as_it_was_then(raw: str, times: int) -> None:
    query = "&".join([raw] * times)
    pairs = wire_query(query)
    assert [query_forms(query), query_forms(query)] == [(joined(pairs), canonical_query(pairs))] * 2


def test_each_day_and_each_key_pair_signs_otherwise() -> None:
    made = [signature(fresh(), keys, now) for keys in (FIRST, SECOND) for now in (MIDNIGHT - 1, MIDNIGHT)]
    assert [b"/20231114/" in (value or b"") for value in made] == [True, False, True, False]
    assert len(set(made)) == 4
