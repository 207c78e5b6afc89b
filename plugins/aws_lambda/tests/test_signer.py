"""What a signer keeps from one request to the next never outlives its day or its keys."""

from phasegate import Body, Secret
from phasegate.faas import FunctionRequest
from phasegate_aws_lambda.credentials import Keys
from phasegate_aws_lambda.endpoint import Endpoint
from phasegate_aws_lambda.signer import Signer

FIRST, SECOND = Keys("AKIDFIRST", Secret("one")), Keys("AKIDSECOND", Secret("two"), Secret("t0ken"))
MIDNIGHT = 1_700_006_400.0


def signature(signer: Signer, keys: Keys, now: float) -> bytes | None:
    request = FunctionRequest(method="GET", host="h.example", path="/", query="", headers=[], body=Body(b""))
    signer.sign(request, "e3b0", now, keys)
    return request.get(b"authorization")


def fresh() -> Signer:
    return Signer(endpoint=Endpoint("eu-west-1", "lambda"))


def test_a_signer_that_was_used_signs_as_a_new_one() -> None:
    signer = fresh()
    for keys, now in ((FIRST, MIDNIGHT - 1), (SECOND, MIDNIGHT - 1), (SECOND, MIDNIGHT), (FIRST, MIDNIGHT)):
        assert signature(signer, keys, now) == signature(fresh(), keys, now)


def test_each_day_and_each_key_pair_signs_otherwise() -> None:
    made = [signature(fresh(), keys, now) for keys in (FIRST, SECOND) for now in (MIDNIGHT - 1, MIDNIGHT)]
    assert [b"/20231114/" in (value or b"") for value in made] == [True, False, True, False]
    assert len(set(made)) == 4
