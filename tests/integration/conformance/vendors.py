"""A vendor that does all that is asked of it, and those that each get one thing wrong.

Run by pytest as a stranger's tests would be, in a process of their own; `test_suite.py` says who has to fail where.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import unquote_plus

from phasegate import Exchange, Response, Secret, Services, UpstreamError, hookimpl
from phasegate.faas import Answer, FunctionPlugin, FunctionRequest
from phasegate.testing.conformance import FunctionConformance

TOKEN = "s3cret-t0ken"


@dataclass(kw_only=True)
class Good(FunctionPlugin):
    name: ClassVar[str] = "good"
    schema: ClassVar[dict[str, Any]] = {
        **FunctionPlugin.schema,
        "token": {"type": "string", "required": True, "secret": True},
    }
    token: Secret

    async def authorize(self, request: FunctionRequest, exchange: Exchange) -> None:
        self.set_credential(request, b"x-token", self.token.value.encode())


class Told(FunctionConformance):
    secrets = (TOKEN,)
    credential_fields = ("x-token",)

    def config(self, url: str) -> Mapping[str, Any]:
        return {"function_uri": f"{url}/fn", "token": TOKEN}


class TestGood(Told):
    plugin = Good


@dataclass(kw_only=True)
class AddsItsCredential(Good):
    async def authorize(self, request: FunctionRequest, exchange: Exchange) -> None:
        request.headers.append((b"x-token", self.token.value.encode()))


class TestAddsItsCredential(Told):
    plugin = AddsItsCredential


@dataclass(kw_only=True)
class LogsItsCredential(Good):
    async def authorize(self, request: FunctionRequest, exchange: Exchange) -> None:
        await super().authorize(request, exchange)
        self.logger.debug("calling", extra={"headers": request.headers})


class TestLogsItsCredential(Told):
    plugin = LogsItsCredential


@dataclass(kw_only=True)
class ShowsItsCredential(Good):
    def destination(self) -> str | None:
        return f"{self.function_uri}?token={self.token.value}"


class TestShowsItsCredential(Told):
    plugin = ShowsItsCredential


@dataclass(kw_only=True)
class ReadsTheAnswerFirst(Good):
    async def accept(self, answer: Answer, exchange: Exchange) -> Response | None:
        return Response(answer.status, answer.headers, await answer.read())


class TestReadsTheAnswerFirst(Told):
    plugin = ReadsTheAnswerFirst


@dataclass(kw_only=True)
class JoinsCookies(Good):
    async def accept(self, answer: Answer, exchange: Exchange) -> Response | None:
        cookies = answer.headers.get_all("set-cookie")
        if cookies:
            answer.headers["set-cookie"] = ", ".join(cookies)
        return answer


class TestJoinsCookies(Told):
    plugin = JoinsCookies


@dataclass(kw_only=True)
class TakesErrorsForFailures(Good):
    async def accept(self, answer: Answer, exchange: Exchange) -> Response | None:
        if answer.status >= 400:
            raise UpstreamError("it failed")
        return answer


class TestTakesErrorsForFailures(Told):
    plugin = TakesErrorsForFailures


@dataclass(kw_only=True)
class HidesFailures(Good):
    @hookimpl
    async def proxy(self, exchange: Exchange) -> Response | None:
        try:
            return await super().proxy(exchange)
        except UpstreamError:
            return Response.text("sorry", 500)


class TestHidesFailures(Told):
    plugin = HidesFailures


@dataclass(kw_only=True)
class LooksAtTheOriginal(Good):
    async def authorize(self, request: FunctionRequest, exchange: Exchange) -> None:
        await super().authorize(request, exchange)
        original = exchange.original
        request.method, request.path = original.method, original.path.replace("/conformance/", "/fn/")


class TestLooksAtTheOriginal(Told):
    plugin = LooksAtTheOriginal


@dataclass(kw_only=True)
class SortsTheQuery(Good):
    async def authorize(self, request: FunctionRequest, exchange: Exchange) -> None:
        await super().authorize(request, exchange)
        request.query = "&".join(sorted(request.query.split("&")))


class TestSortsTheQuery(Told):
    plugin = SortsTheQuery


@dataclass(kw_only=True)
class HandsEverythingOn(Good):
    async def authorize(self, request: FunctionRequest, exchange: Exchange) -> None:
        await super().authorize(request, exchange)
        request.set(b"keep-alive", b"timeout=9")


class TestHandsEverythingOn(Told):
    plugin = HandsEverythingOn


@dataclass(kw_only=True)
class TrustsEverybody(Good):
    async def open(self, services: Services) -> None:
        self.ssl_verify = False
        await super().open(services)


class TestTrustsEverybody(Told):
    plugin = TrustsEverybody


@dataclass(kw_only=True)
class TakesAnyBody(Good):
    async def open(self, services: Services) -> None:
        self.max_req_body_size = 1 << 30
        await super().open(services)


class TestTakesAnyBody(Told):
    plugin = TakesAnyBody


@dataclass(kw_only=True)
class WaitsForEver(Good):
    async def open(self, services: Services) -> None:
        self.timeout = 60_000
        await super().open(services)


class TestWaitsForEver(Told):
    plugin = WaitsForEver


@dataclass(kw_only=True)
class SignsInTheQuery(Good):
    async def authorize(self, request: FunctionRequest, exchange: Exchange) -> None:
        await super().authorize(request, exchange)
        pairs = [pair for pair in request.query.split("&") if pair and unquote_plus(pair.partition("=")[0]) != "sig"]
        request.query = "&".join([*pairs, "sig=ours"])


class TestSignsInTheQuery(Told):
    plugin = SignsInTheQuery
    credential_parameters = ("sig",)


@dataclass(kw_only=True)
class KeepsTheirSignature(Good):
    async def authorize(self, request: FunctionRequest, exchange: Exchange) -> None:
        await super().authorize(request, exchange)
        request.query = f"{request.query}&sig=ours".removeprefix("&")


class TestKeepsTheirSignature(Told):
    plugin = KeepsTheirSignature
    credential_parameters = ("sig",)


@dataclass(kw_only=True)
class KeepsTheirEscapedSignature(Good):
    async def authorize(self, request: FunctionRequest, exchange: Exchange) -> None:
        await super().authorize(request, exchange)
        pairs = [pair for pair in request.query.split("&") if pair and not pair.startswith("sig=")]
        request.query = "&".join([*pairs, "sig=ours"])


class TestKeepsTheirEscapedSignature(Told):
    plugin = KeepsTheirEscapedSignature
    credential_parameters = ("sig",)
