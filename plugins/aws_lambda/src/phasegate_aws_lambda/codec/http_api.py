"""Payload format 2.0: what an HTTP API and a function URL hand to a function.

Sources: "Create AWS Lambda proxy integrations for HTTP APIs" (API Gateway developer guide) and "Invoking Lambda function
URLs" (Lambda developer guide). What has no value is left out, as there.
"""

from __future__ import annotations

from typing import Any

from .incoming import Caller, Incoming
from .parts import Binary, body_of, decoded_pairs, joined, log_time

_ROUTE = "$default"


def http_api_event(incoming: Incoming, binary: Binary) -> dict[str, Any]:
    """Return a request as an event. `rawPath` and `rawQueryString` keep their escapes. Raise NotTextError."""
    body, is_base64 = body_of(incoming, binary)
    present: dict[str, Any] = {
        "cookies": [cookie for name, value in incoming.fields if name == "cookie" for cookie in _cookies(value)],
        "queryStringParameters": joined(decoded_pairs(incoming.query)),
        "pathParameters": dict(incoming.params),
        "body": body,
    }
    return {
        "version": "2.0",
        "routeKey": _ROUTE,
        "rawPath": incoming.path,
        "rawQueryString": incoming.query,
        "headers": joined(field for field in incoming.fields if field[0] != "cookie"),
        "requestContext": _context(incoming),
        "isBase64Encoded": is_base64,
    } | {name: value for name, value in present.items() if value}


def _context(incoming: Incoming) -> dict[str, Any]:
    context: dict[str, Any] = {
        "accountId": "anonymous",
        "apiId": incoming.prefix,
        "domainName": incoming.domain,
        "domainPrefix": incoming.prefix,
        "http": {
            "method": incoming.method,
            "path": incoming.path,
            "protocol": incoming.protocol,
            "sourceIp": incoming.source_ip,
            "userAgent": incoming.header("user-agent"),
        },
        "requestId": incoming.request_id,
        "routeKey": _ROUTE,
        "stage": _ROUTE,
        "time": log_time(incoming.time),
        "timeEpoch": int(incoming.time * 1000),
    }
    if incoming.caller is not None:
        context["authorizer"] = {"lambda": authorizer(incoming.caller)}
    return context


def authorizer(caller: Caller) -> dict[str, str]:
    """Return what a function is told of the consumer, as a Lambda authorizer's context would."""
    told = {
        "principalId": caller.username,
        "username": caller.username,
        "group": caller.group,
        "credentialId": caller.credential,
    }
    return {name: value for name, value in told.items() if value is not None}


def _cookies(value: str) -> list[str]:
    return [cookie for cookie in (part.strip() for part in value.split(";")) if cookie]
