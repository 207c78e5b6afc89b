"""What reaches the upstream through a peer: it is looked at, and must be right, before anything is measured."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .credentials import ACCESS_KEY, API_KEY, REGION, SECRET_KEY, SERVICE
from .errors import WrongRequest
from .peers import Peer
from .peers.direct import ECHO, SHOWN
from .scenario import Mode, Scenario

_LIMIT_SECONDS = 10.0
_SIGNATURE_PARTS = ("Credential", "SignedHeaders", "Signature")


@dataclass(frozen=True, slots=True)
class Witness:
    """Asks through a peer, in a scenario's own protocol, what the upstream sees of a request."""

    authority: Path | None = None
    has_echo: bool = True

    def examine(self, peer: Peer, mode: Mode, scenario: Scenario) -> None:
        """Raise WrongRequest unless the request reaches the upstream whole, and with the key or signature that it must have."""
        if not self.has_echo or not peer.compared:
            return
        seen = self.seen(peer, mode, scenario)
        method, length = ("POST", str(scenario.body_bytes)) if scenario.body else ("GET", "")
        _require(peer, mode, "method", seen["request_method"], method)
        _require(peer, mode, "length of the body", seen["http_content_length"].removeprefix("0"), length)
        if mode == "api-key":
            _require(peer, mode, "API key", seen["http_x_api_key"], API_KEY)
        if mode == "sigv4":
            sent = authorization(seen["http_authorization"])
            _require(peer, mode, "signature", sent["Signature"], signature(seen, sent, scenario.body or ""))

    def seen(self, peer: Peer, mode: Mode, scenario: Scenario) -> Mapping[str, str]:
        """Return what the upstream shows of a request. Raise WrongRequest when it does not get so far."""
        try:
            response = self._ask(peer, mode, scenario)
        except httpx.HTTPError as error:
            raise WrongRequest(f"{peer.name} {mode}: {error!r}\n{peer.child.tail()}") from error
        if response.status_code != 200 or response.http_version != ("HTTP/2" if scenario.is_http2 else "HTTP/1.1"):
            raise WrongRequest(f"{peer.name} {mode}: {response.http_version} {response.status_code} {response.text!r}")
        lines = response.text.split("\n")
        if len(lines) != len(SHOWN):
            raise WrongRequest(f"{peer.name} {mode}: the upstream did not show the request but said {response.text!r}")
        return dict(zip(SHOWN, lines, strict=True))

    def _ask(self, peer: Peer, mode: Mode, scenario: Scenario) -> httpx.Response:
        context = ssl.create_default_context(cafile=self.authority) if self.authority else False
        kind = {"Content-Type": "application/json"} if scenario.body else {}
        http2 = scenario.is_http2
        with httpx.Client(
            http1=not http2, http2=http2, verify=context, timeout=_LIMIT_SECONDS, trust_env=False
        ) as client:
            return client.request(
                "POST" if scenario.body else "GET",
                peer.url(scenario.protocol, mode),
                content=scenario.body,
                headers={**peer.headers, **kind, ECHO: "1"},
            )


def authorization(value: str) -> dict[str, str]:
    """Return the parts of an Authorization header of Signature Version 4. Raise WrongRequest when one is missing."""
    parts = dict(part.strip().partition("=")[::2] for part in value.partition(" ")[2].split(","))
    if not value.startswith("AWS4-HMAC-SHA256 ") or parts.keys() != set(_SIGNATURE_PARTS):
        raise WrongRequest(f"{value!r} is no signature")
    return parts


def signature(seen: Mapping[str, str], sent: Mapping[str, str], body: str) -> str:
    """Return the signature that botocore makes for what reached the upstream, over the headers that the sender signed."""
    names = sent["SignedHeaders"].split(";")
    headers = {name: seen[f"http_{name.replace('-', '_')}"] for name in names}
    url = f"http://{seen['http_host']}{seen['request_uri']}"
    request = AWSRequest(seen["request_method"], url, data=body.encode(), headers=headers)
    request.context["timestamp"] = seen["http_x_amz_date"]
    signer = _Signer(Credentials(ACCESS_KEY, SECRET_KEY), SERVICE, REGION)
    made: str = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return made


class _Signer(SigV4Auth):  # type: ignore[misc]
    """botocore's signer, which signs whatever headers the request has, those included that it leaves out by default."""

    def headers_to_sign(self, request: AWSRequest) -> object:
        """Return the headers, names in small letters."""
        return request.headers


def _require(peer: Peer, mode: Mode, what: str, seen: str, expected: str) -> None:
    if seen != expected:
        raise WrongRequest(f"{peer.name} {mode}: the {what} that reached the upstream is {seen!r}, not {expected!r}")
