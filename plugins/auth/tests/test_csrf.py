from collections.abc import Sequence
from typing import Any

import pytest

from phasegate import ConfigError, Response
from phasegate.testing import FixedClock, make_exchange, make_plugin, make_request, make_services, run_phase
from phasegate_auth import Csrf

NAME = "apisix-csrf-token"


class Site:
    """A plugin and its clock."""

    def __init__(self, **config: Any) -> None:
        self.clock = FixedClock()
        self.plugin = make_plugin(Csrf, {"key": "a-key-that-is-long-enough", **config})

    async def opened(self) -> "Site":
        await self.plugin.open(make_services(clock=self.clock))
        return self

    async def given(self, cookie: str | None = None) -> str:
        """Return the Set-Cookie that an answer has, "" for none."""
        headers = {"cookie": f"{NAME}={cookie}"} if cookie else {}
        response = Response(200)
        await run_phase(self.plugin, "response", make_exchange(make_request(headers=headers)), response)
        return response.headers.get("set-cookie", "") or ""

    async def token(self) -> str:
        return (await self.given()).partition("=")[2].partition(";")[0]

    async def asked(self, told: Sequence[str], kept: Sequence[str], method: str = "POST") -> int:
        """Return the status that a request with these tokens gets."""
        cookie = [("cookie", "; ".join(["a=b", *(f"{NAME}={token}" for token in kept)]))]
        request = make_request(method, headers=[*((NAME, token) for token in told), *cookie])
        response = await run_phase(self.plugin, "access", make_exchange(request))
        return response.status if response else 200


async def site(**config: Any) -> Site:
    return await Site(**config).opened()


async def test_one_token_in_header_and_cookie_lets_a_request_through() -> None:
    shop = await site()
    token = await shop.token()
    assert await shop.asked([token], [token]) == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_what_changes_nothing_needs_none(method: str) -> None:
    assert await (await site()).asked([], [], method) == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "get"])
async def test_all_else_does(method: str) -> None:
    assert await (await site()).asked([], [], method) == 403


async def test_tokens_that_are_missing_doubled_different_or_forged() -> None:
    shop, other = await site(), await site(key="another-key-that-is-long")
    token, second, foreign = await shop.token(), await shop.token(), await other.token()
    begin = token.rpartition(".")[0]
    cases: list[tuple[list[str], list[str]]] = [
        ([token], []),
        ([], [token]),
        ([token], [second]),
        ([token, token], [token]),
        ([token], [token, token]),
        ([""], [""]),
        (["x"], ["x"]),
        ([foreign], [foreign]),
        ([f"{begin}.{'0' * 64}"], [f"{begin}.{'0' * 64}"]),
        ([token + "0"], [token + "0"]),
        ([token.upper()], [token.upper()]),
        (["9" + token], ["9" + token]),
    ]
    assert [await shop.asked(*case) for case in cases] == [403] * len(cases)


@pytest.mark.parametrize(("expires", "seconds", "status"), [(100, 100, 200), (100, 101, 403), (0, 10**6, 200)])
async def test_a_token_lasts_for_its_time(expires: int, seconds: int, status: int) -> None:
    shop = await site(expires=expires)
    token = await shop.token()
    shop.clock.advance(seconds)
    assert await shop.asked([token], [token]) == status


async def test_a_token_of_the_future_is_none() -> None:
    shop = await site()
    shop.clock.advance(50)
    token = await shop.token()
    shop.clock.advance(-50)
    assert await shop.asked([token], [token]) == 403


async def test_a_new_token_comes_once_half_of_the_time_is_over() -> None:
    shop = await site(expires=100)
    token = await shop.token()
    shop.clock.advance(50)
    assert await shop.given(token) == ""
    shop.clock.advance(1)
    assert (await shop.given(token)).endswith("; Path=/; Max-Age=100; SameSite=Lax")
    assert (await shop.given("x")).startswith(f"{NAME}=")


async def test_over_tls_the_cookie_stays_there() -> None:
    shop = await site()
    exchange, response = make_exchange(), Response(200)
    exchange.original.scheme = "https"
    await run_phase(shop.plugin, "response", exchange, response)
    assert (response.headers.get("set-cookie") or "").endswith("; Secure")


async def test_a_refusal_says_nothing_of_the_reason_and_the_log_does(caplog: pytest.LogCaptureFixture) -> None:
    shop = await site()
    with caplog.at_level("INFO"):
        response = await run_phase(shop.plugin, "access", make_exchange(make_request("POST")))
    assert await response.read() == b'{"message":"Failed to verify the csrf token"}'
    assert [record.reason for record in caplog.records] == ["0 tokens in headers and 0 in cookies"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("config", [{}, {"key": ""}, {"key": "x", "name": "a b"}, {"key": "x", "expires": -1}])
def test_what_can_not_be_configured(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        make_plugin(Csrf, config)
