"""The fields of direct calls: which function, how it is called, and which format it speaks."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from phasegate import Finding

from .canary import CANARY, QUALIFIER, CanaryFields
from .codec import FORMATS, Binary
from .function_name import FunctionName, Template, is_allowed

Mode = Literal["http", "invoke", "invoke-stream"]
InvocationType = Literal["RequestResponse", "Event", "DryRun"]

# "ClientContext" of the Invoke operation.
_CONTEXT_LIMIT_BYTES = 3583
# "TenantId" there; placeholders are judged with a plain letter in their place.
_TENANT = re.compile(r"[a-zA-Z0-9._:/=+\-@ ]{1,256}")
_TEXT = {"type": "string", "empty": False}

INVOKE: dict[str, Any] = {
    "mode": {
        "type": "string",
        "allowed": ["http", "invoke", "invoke-stream"],
        "about": "How the function is called: by its URL, by the Lambda API, or so with its answer streamed.",
    },
    "function": {
        **_TEXT,
        "about": "The function's name or ARN; `{path.NAME}` and `{header.NAME}` are filled in from the request.",
    },
    "allowed_functions": {
        "type": "list",
        "schema": _TEXT,
        "default": [],
        "about": "What may be called where the request fills in the name, `*` standing for any text.",
    },
    "qualifier": {**QUALIFIER, "about": "The version or alias to call."},
    **CANARY,
    "region": {
        "type": "string",
        "regex": "[a-z0-9-]+",
        "meta": {"expected": "a region such as us-east-1"},
        "about": "The region whose Lambda API is called.",
    },
    "fips": {"type": "boolean", "default": False, "about": "Call the region's FIPS endpoint."},
    "invocation_type": {
        "type": "string",
        "allowed": ["RequestResponse", "Event", "DryRun"],
        "default": "RequestResponse",
        "about": "Whether the answer is waited for, the function only started, or AWS asked if it may be called.",
    },
    "client_context": {**_TEXT, "about": "A JSON object as text, which the function finds in its context."},
    "tenant_id": {
        **_TEXT,
        "about": "The tenant of a function with tenant isolation; it takes the placeholders of `function`.",
    },
    "payload_format": {
        "type": "string",
        "allowed": list(FORMATS),
        "default": "2.0",
        "about": "The form of events and answers: whose events the function expects.",
    },
    "event_path": {
        "type": "string",
        "allowed": ["rewritten", "original"],
        "default": "rewritten",
        "about": "Whether the event has path and query as plugins rewrote them, or as they were received.",
    },
    "binary": {
        "type": "string",
        "allowed": ["auto", "always", "never"],
        "default": "auto",
        "about": "Which bodies are base64 in the event: those that are not text, all, or none.",
    },
    "strict_answers": {
        "type": "boolean",
        "default": False,
        "about": "Refuse answers, too, that AWS would refuse but whose meaning is plain.",
    },
    "function_error_status": {
        "type": "integer",
        "min": 400,
        "max": 599,
        "default": 502,
        "about": "The status that a function's exception is answered with.",
    },
    "unhandled_status": {"type": "integer", "alias_of": "function_error_status"},
    "retry_on_function_error": {
        "type": "boolean",
        "default": False,
        "about": "Make a call once more where the function raised an exception, whatever the method.",
    },
    "throttle_status": {
        "type": "integer",
        "allowed": [429, 503],
        "default": 429,
        "about": "The status that a throttled call is answered with.",
    },
    "log_tail": {
        "type": "boolean",
        "default": True,
        "about": "Have AWS send the end of the function's log along, for the figures in the access log.",
    },
}


@dataclass(kw_only=True)
class InvokeFields(CanaryFields):
    """What `aws-lambda` asks of a direct call. `mode` follows from what is given: a URL, or a function."""

    schema: ClassVar[dict[str, Any]] = INVOKE

    mode: Mode | None = None
    function: str | None = None
    allowed_functions: tuple[str, ...] = ()
    qualifier: str | None = None
    region: str | None = None
    fips: bool = False
    invocation_type: InvocationType = "RequestResponse"
    client_context: str | None = None
    tenant_id: str | None = None
    payload_format: str = "2.0"
    event_path: Literal["rewritten", "original"] = "rewritten"
    binary: Binary = "auto"
    strict_answers: bool = False
    function_error_status: int = 502
    retry_on_function_error: bool = False
    throttle_status: int = 429
    log_tail: bool = True

    @property
    def invokes(self) -> bool:
        """Whether the function is called by the Lambda API rather than by a URL."""
        return self.mode in ("invoke", "invoke-stream") or (self.mode is None and self.function is not None)

    @property
    def streams(self) -> bool:
        """Whether the function's answer is sent on while the function still writes it."""
        return self.mode == "invoke-stream"

    @property
    def function_name(self) -> FunctionName | None:
        """The function's name taken apart, with something harmless where the request fills it in; None for none that is one."""
        try:
            return FunctionName.parse(Template(self.function or "").sample)
        except ValueError:
            return None

    def api_host(self, region: str) -> str:
        """Return the host of the Lambda API in a region ("AWS Lambda endpoints and quotas", AWS documentation)."""
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        return f"lambda{'-fips' if self.fips else ''}.{region}.{suffix}"

    def encoded_context(self) -> bytes | None:
        """Return the client context as its header has it. Raise ValueError for one that is no JSON object or too long."""
        if self.client_context is None:
            return None
        if not isinstance(json.loads(self.client_context), dict):
            raise ValueError("it is no object")  # noqa: TRY004 (json raises it too)
        encoded = base64.b64encode(self.client_context.encode())
        if len(encoded) > _CONTEXT_LIMIT_BYTES:
            raise ValueError(f"it is over {_CONTEXT_LIMIT_BYTES} bytes as base64")
        return encoded

    def check_invoke(self) -> Iterator[Finding]:
        """Yield what is wrong with a direct call's fields."""
        if self.function is None:
            yield Finding("function", f"is required with mode: {self.mode}")
            return
        name = self.function_name
        if name is None:
            yield Finding("function", f"must be a function's name, name:alias, or an ARN (got {self.function!r})")
            return
        if name.qualifier and self.qualifier and name.qualifier != self.qualifier:
            yield Finding("qualifier", f"is {self.qualifier!r}, but function says {name.qualifier!r}: give one of them")
        if name.region and self.region and name.region != self.region:
            yield Finding("region", f"is {self.region!r}, but function is in {name.region!r}: leave it out")
        yield from self.check_canary(name.qualifier or self.qualifier)
        if self.streams and self.invocation_type == "Event":
            yield Finding("invocation_type", "must be RequestResponse or DryRun with mode: invoke-stream")
        yield from self._check_names()
        yield from self._check_context()

    def _check_names(self) -> Iterator[Finding]:
        function = self.function or ""
        if Template(function).varies and not self.allowed_functions:
            message = "is required where the request fills in the function's name: list what may be called"
            yield Finding("allowed_functions", message)
        if (
            not Template(function).varies
            and self.allowed_functions
            and not is_allowed(function, self.allowed_functions)
        ):
            yield Finding("function", f"is none of allowed_functions (got {function!r})")
        if self.tenant_id is not None and not _TENANT.fullmatch(Template(self.tenant_id).sample):
            yield Finding("tenant_id", "must be letters, digits and ._:/=+-@ alone, with {path.NAME} or {header.NAME}")

    def _check_context(self) -> Iterator[Finding]:
        try:
            self.encoded_context()
        except ValueError as error:
            yield Finding("client_context", f"must be a JSON object as text: {error}")
        if self.client_context is not None and self.invocation_type == "Event":
            yield Finding("client_context", "does not reach functions that are called by Event", "warning")
