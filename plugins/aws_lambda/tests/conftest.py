"""An HTTP client, a local Lambda, and botocore as the oracle: what it makes of a request as it left on the wire."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import ThreadedMotoServer

from phasegate.testing import FakeUpstream, Received, Reply
from phasegate_aws_lambda.testing import FunctionMaker, RunningFunction, running_function

from .cloud import Cloud, allow, client_of, create_function, user

ACCESS_KEY, SECRET_KEY, SESSION_TOKEN = (
    "AKIDEXAMPLE",
    "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "token/with+odd=signs",
)


class Oracle:
    """Signs what an upstream received, the headers that our SignedHeaders names, by our date."""

    iam = {"accesskey": ACCESS_KEY, "secretkey": SECRET_KEY, "session_token": SESSION_TOKEN}

    def __init__(self, region: str = "us-east-1", service: str = "execute-api") -> None:
        self._region = region
        self._service = service

    def by_header(self, received: Received, upstream: FakeUpstream) -> tuple[str, str]:
        """Return the signature in the request's Authorization, and botocore's."""
        authorization = received.get("authorization") or ""
        request = self._request(received, upstream, _part(authorization, "SignedHeaders").split(";"))
        request.context["timestamp"] = received.get("x-amz-date")
        return _part(authorization, "Signature"), self._sign(SigV4Auth(*self._key()), request)

    def by_query(self, received: Received, upstream: FakeUpstream) -> tuple[str, str]:
        """Return the signature in the request's query, and botocore's."""
        target, _, signature = received.target.partition("&X-Amz-Signature=")
        fields = dict(pair.partition("=")[::2] for pair in target.partition("?")[2].split("&"))
        unsigned = Received(received.head.replace(received.target.encode(), target.encode()), received.body, 0)
        request = self._request(unsigned, upstream, fields["X-Amz-SignedHeaders"].split("%3B"))
        request.context["timestamp"] = fields["X-Amz-Date"]
        return signature, self._sign(SigV4QueryAuth(*self._key(), expires=300), request)

    def _key(self) -> tuple[Credentials, str, str]:
        return Credentials(ACCESS_KEY, SECRET_KEY, SESSION_TOKEN), self._service, self._region

    def _request(self, received: Received, upstream: FakeUpstream, names: list[str]) -> AWSRequest:
        request = AWSRequest(method=received.method, url=f"{upstream.url}{received.target}", data=received.body)
        for name, value in received.headers:
            if name in names:
                request.headers.add_header(name, value)
        return request

    def _sign(self, signer: SigV4Auth, request: AWSRequest) -> str:
        return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))


def _part(authorization: str, name: str) -> str:
    return authorization.split(f"{name}=")[1].split(",", maxsplit=1)[0]


@pytest.fixture(scope="session")
def oracle() -> Oracle:
    """botocore, signing for execute-api in us-east-1."""
    return Oracle()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP/1.1 client."""
    async with httpx.AsyncClient(verify=False) as client:
        yield client


@pytest.fixture
async def local_faces(tmp_path: Path) -> AsyncIterator[FunctionMaker]:
    """Return a function that serves a handler's source, with signatures checked, and returns where it runs."""
    async with contextlib.AsyncExitStack() as stack:

        async def serve(source: str, **options: Any) -> RunningFunction:
            credentials = ("AKIDEXAMPLE", "the-secret-key", "the-session-token")
            function = running_function(source, tmp_path, credentials=credentials, **options)
            return await stack.enter_async_context(function)

        yield serve


@pytest.fixture
def local_lambda(local_faces: FunctionMaker) -> Callable[..., Awaitable[int]]:
    """Return a function that serves a handler's source, with signatures checked, and returns the Lambda API's port."""

    async def serve(source: str, **options: Any) -> int:
        return (await local_faces(source, **options)).invoke_port

    return serve


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """moto's server, in this process, by its URL; whoever changes what holds for all of it sets that back."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class Counted(list[bytes]):
    """Pieces of an answer, made as they are sent; `sent` tells how many were."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__()
        self.sent = 0
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.sent += 1
            yield piece

    async def settled(self) -> int:
        """Return how many were sent once no more are."""
        before = -1
        while before != self.sent:
            before = self.sent
            await asyncio.sleep(0.2)
        return before


@pytest.fixture
def sent_unread(upstream: FakeUpstream) -> Callable[..., Awaitable[int]]:
    """How many pieces an upstream gets rid of while a client of `/x/` on a port takes one line and no more."""

    async def count(port: int, pieces: Iterable[bytes], **reply: Any) -> int:
        counted = Counted(pieces)
        upstream.reply(Reply(pieces=counted, **reply))
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /x/ HTTP/1.1\r\nHost: h\r\n\r\n")
        await reader.readline()
        sent = await counted.settled()
        writer.transport.abort()
        return sent

    return count


@pytest.fixture(scope="module")
def cloud(moto: str) -> Iterator[Cloud]:
    """moto's server with permissions checked."""
    httpx.post(f"{moto}/moto-api/reset").raise_for_status()
    httpx.post(f"{moto}/moto-api/config", json={"lambda": {"use_docker": False}}).raise_for_status()
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = client_of(moto, "iam").create_role(RoleName="role", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    create_function(moto, role)
    known, stranger = user(moto, "gateway"), user(moto, "stranger")
    allow(moto, "gateway")
    httpx.post(f"{moto}/moto-api/reset-auth", content=b"0").raise_for_status()
    yield Cloud(moto, known, stranger)
    # The whole process checks permissions by now, other tests' servers too.
    httpx.post(f"{moto}/moto-api/reset-auth", content=b"inf").raise_for_status()


@pytest.fixture(autouse=True)
def _all_are_watched(watched: None) -> None:
    """Let no plugin block the event loop, or leave something behind."""
