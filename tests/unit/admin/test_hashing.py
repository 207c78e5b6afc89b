from typing import Any

import pytest

from phasegate.admin.hashing import Hashing
from phasegate.passwords import check_password, hash_password
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate_auth import BasicAuth, KeyAuth

HASHING = Hashing(Schemas(Registry([BasicAuth, KeyAuth])))


def jack(password: Any) -> dict[str, Any]:
    return {"plugins": {"basic-auth": {"username": "jack", "password": password}, "key-auth": {"key": "a-key"}}}


@pytest.mark.parametrize("kind", ["consumers", "credentials"])
async def test_a_password_in_the_clear_becomes_a_hash_and_nothing_else_changes(kind: str) -> None:
    made = await HASHING.hashed(kind, jack("sesame"), None)
    password = made["plugins"]["basic-auth"]["password"]
    assert check_password(password, "sesame")
    assert made == jack(password)


@pytest.mark.parametrize(
    "password",
    ["$env://PHASEGATE_JACK", "$secret://vault/1/jack/pw", pytest.param(hash_password("x"), id="hash"), "", 7, None],
)
async def test_references_hashes_and_what_is_no_password_stay(password: Any) -> None:
    value = jack(password)
    assert await HASHING.hashed("consumers", value, None) is value


async def test_the_hash_that_is_stored_stays_where_it_holds() -> None:
    before = await HASHING.hashed("consumers", jack("sesame"), None)
    assert await HASHING.hashed("consumers", jack("sesame"), before) == before
    assert await HASHING.hashed("consumers", jack("other"), before) != before


@pytest.mark.parametrize(
    "value", [{}, {"plugins": None}, {"plugins": {"basic-auth": None}}, {"plugins": {"basic-auth": {}}}]
)
async def test_values_of_any_shape_are_looked_at(value: dict[str, Any]) -> None:
    assert await HASHING.hashed("consumers", value, {"plugins": []}) is value


async def test_elsewhere_nothing_is_a_password() -> None:
    assert await HASHING.hashed("routes", jack("sesame"), None) == jack("sesame")
