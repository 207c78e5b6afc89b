"""What an Application Load Balancer hands to a function, with single headers or, where the target group says so, all.

Source: "Use Lambda functions as targets of an Application Load Balancer" (Elastic Load Balancing user guide). The query is
not decoded, as there, and what has no value is empty.
"""

from __future__ import annotations

from typing import Any

from .incoming import Incoming
from .parts import Binary, body_of, grouped, raw_pairs


def load_balancer_event(incoming: Incoming, binary: Binary) -> dict[str, Any]:
    """Return a request as an event with one value a name, the last one. Raise NotTextError."""
    maps = {"queryStringParameters": dict(raw_pairs(incoming.query)), "headers": dict(incoming.fields)}
    return _event(incoming, maps, binary)


def load_balancer_multi_event(incoming: Incoming, binary: Binary) -> dict[str, Any]:
    """Return a request as an event with every value a name. Raise NotTextError."""
    maps = {
        "multiValueQueryStringParameters": grouped(raw_pairs(incoming.query)),
        "multiValueHeaders": grouped(incoming.fields),
    }
    return _event(incoming, maps, binary)


def _event(incoming: Incoming, maps: dict[str, Any], binary: Binary) -> dict[str, Any]:
    body, is_base64 = body_of(incoming, binary)
    group = f"arn:aws:elasticloadbalancing:{incoming.region}:000000000000:targetgroup/phasegate/0000000000000000"
    return {
        "requestContext": {"elb": {"targetGroupArn": group}},
        "httpMethod": incoming.method,
        "path": incoming.path,
        **maps,
        "body": body,
        "isBase64Encoded": is_base64,
    }
