import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from phasegate_aws_lambda.keyed_hash import KeyedHash


@given(st.binary(max_size=130), st.lists(st.binary(max_size=300), min_size=1, max_size=3))
def test_it_is_the_standard_librarys(key: bytes, messages: list[bytes]) -> None:
    keyed = KeyedHash(key)
    expected = [hmac.new(key, message, hashlib.sha256).hexdigest() for message in messages]
    assert [keyed.hexdigest(message) for message in messages] == expected


@given(st.binary(max_size=70), st.binary(max_size=150), st.binary(max_size=150))
def test_it_is_the_same_wherever_the_beginning_ends(key: bytes, beginning: bytes, rest: bytes) -> None:
    assert KeyedHash(key, beginning).hexdigest(rest) == KeyedHash(key).hexdigest(beginning + rest)
