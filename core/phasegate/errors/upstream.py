"""What an upstream, or a function, fails with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from .request import RequestError

Repeat = Literal["always", "if_idempotent", "never"]
"""When a call that failed may be made once more: always, since the function did not run; where running twice does no harm,
since nobody knows; or never.
"""


class UpstreamError(RequestError):
    """The upstream failed: the root of all that a call can raise."""

    status = 502
    code = "upstream_error"
    sent: bool = True
    """Whether anything of the request may have reached the upstream; False where there was no connection."""


class UpstreamUnreachable(UpstreamError):
    """No connection to the upstream, or it closed before it answered."""

    code = "upstream_unreachable"


class UpstreamTLSFailed(UpstreamError):
    """The upstream's TLS handshake failed, or its certificate is not trusted."""

    code = "upstream_tls"


class MalformedResponse(UpstreamError):
    """The upstream's answer is not HTTP."""

    code = "malformed_response"


class ResponseCut(UpstreamError):
    """The upstream's answer broke off after its head was sent on."""

    code = "stream_aborted"


class FunctionFailed(UpstreamError):
    """A function, or the service that runs it, answered that it failed: each plugin maps its vendor's answers to these.

    `members` go into the client's problem, `headers` into the answer's head. `repeat` says when the call may be made once
    more, and `wait_seconds` how long the service wants that to be put off, None where it says nothing.
    """

    code = "function_error"

    def __init__(
        self,
        message: str,
        *,
        status: int = 502,
        code: str = "function_error",
        members: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: Repeat = "never",
        wait_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.members = members or {}
        self.headers = headers or {}
        self.repeat = repeat
        self.wait_seconds = wait_seconds


class UpstreamTimeout(UpstreamError):
    """The upstream took longer than its timeout to connect, to answer or to go on."""

    status = 504
    code = "upstream_timeout"
