"""An HTTP client, a local Lambda, and botocore as the oracle: what it makes of a request as it left on the wire."""

import io
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from phasegate.testing import FakeUpstream, Received
from phasegate_aws_lambda.local.function import Function
from phasegate_aws_lambda.local.keys import Credentials as LocalCredentials
from phasegate_aws_lambda.local.keys import Keys
from phasegate_aws_lambda.local.log import Log
from phasegate_aws_lambda.local.server import Address, Addresses, LocalLambda

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
async def local_lambda(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[int]]]:
    """Return a function that serves a handler's source, with signatures checked, and returns the Lambda API's port."""
    servers: list[LocalLambda] = []
    any_port = Address("127.0.0.1", 0)
    keys = Keys(None, LocalCredentials("AKIDEXAMPLE", "the-secret-key", "the-session-token"))

    async def serve(source: str, timeout_seconds: float = 3.0, concurrency: int = 2) -> int:
        path = tmp_path / "app.py"
        path.write_text(textwrap.dedent(source))
        function = Function(path=path, handler="handler", name="app", timeout_seconds=timeout_seconds)
        servers.append(LocalLambda(function, keys, concurrency=concurrency, log=Log(io.StringIO())))
        return (await servers[-1].open(Addresses(any_port, any_port, any_port))).invoke.port

    yield serve
    for server in servers:
        await server.close()
