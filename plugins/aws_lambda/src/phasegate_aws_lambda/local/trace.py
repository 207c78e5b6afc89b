"""The ids that AWS's front ends give to a request."""

from __future__ import annotations

import base64
import secrets
import uuid

from .received import Received


def request_id() -> str:
    """Return a new request id: a UUID, as everywhere in AWS."""
    return str(uuid.uuid4())


def extended_request_id() -> str:
    """Return a new id of API Gateway's own, what `x-amz-apigw-id` carries."""
    return base64.b64encode(secrets.token_bytes(11)).decode()


def trace_id(request: Received) -> str:
    """Return the request's own trace id, a new one that is not sampled when it has none.

    See https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader.
    """
    sent = request.header("x-amzn-trace-id")
    return sent or f"Root=1-{int(request.time):08x}-{secrets.token_hex(12)};Sampled=0"
