import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.admin.answers import Refused
from phasegate.admin.body import NOTHING, parse, read
from phasegate.testing import make_request

TEXT = st.text(st.characters(codec="utf-8"), max_size=5)
VALUES: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=20,
)


@given(VALUES)
def test_json_comes_back_as_it_was(value: Any) -> None:
    assert parse(json.dumps(value).encode()) == value


@given(st.binary(max_size=40))
def test_anything_else_is_refused_and_nothing_worse(data: bytes) -> None:
    with contextlib.suppress(Refused):
        parse(data)


@pytest.mark.parametrize("depth", [50, 51])
def test_nesting_has_an_end(depth: int) -> None:
    data = b"[" * depth + b"]" * depth
    if depth == 50:
        parse(data)
    else:
        with pytest.raises(Refused):
            parse(data)


@pytest.mark.parametrize("data", [b"", b" \r\n"])
async def test_blanks_are_no_body(data: bytes) -> None:
    assert await read(make_request("PUT", body=data), 10) is NOTHING


async def test_a_large_body_is_read_as_well_as_a_small_one() -> None:
    value = {"labels": {str(number): "x" * 50 for number in range(2000)}}
    data = json.dumps(value).encode()
    assert await read(make_request("PUT", body=data), len(data)) == value


def test_a_repeated_key_among_many_is_found_in_time_that_grows_with_their_number() -> None:
    names = [f'"{number}":0' for number in range(100_000)]
    begun = time.process_time()
    with pytest.raises(Refused, match="99999"):
        parse(f"{{{','.join([*names, names[-1]])}}}".encode())
    assert time.process_time() - begun < 5
