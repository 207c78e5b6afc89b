"""HTTP request to event, as a function URL does it: payload format 2.0.

Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html. Fields that the page lets be null or left out
are left out. `rawPath` keeps its escapes, as recorded on AWS (github.com/hotsock/voker, pull request 8).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .events import event_body, event_fields, host_name, log_time, query_pairs
from .function import ACCOUNT_ID
from .received import Received

_ROUTE = "$default"


def url_event(request: Received, request_id: str, trace_id: str, access_key: str | None = None) -> dict[str, Any]:
    """Return the event for a request. `access_key` is whose signature it carried; that is then left out of it."""
    fields = [(name.lower(), value) for name, value in event_fields(request, trace_id)]
    cookies = [cookie for name, value in fields if name == "cookie" for cookie in _cookies(value)]
    left_out = {"cookie", "authorization"} if access_key else {"cookie"}
    body, is_base64 = event_body(request)
    present = {
        "cookies": cookies or None,
        "queryStringParameters": _joined(query_pairs(request)) or None,
        "body": body,
    }
    return {
        "version": "2.0",
        "routeKey": _ROUTE,
        "rawPath": request.path.decode("latin-1") or "/",
        "rawQueryString": request.query.decode("latin-1"),
        "headers": _joined(field for field in fields if field[0] not in left_out),
        "requestContext": _context(request, request_id, access_key),
        "isBase64Encoded": is_base64,
    } | {name: value for name, value in present.items() if value is not None}


def _context(request: Received, request_id: str, access_key: str | None) -> dict[str, Any]:
    host = host_name(request)
    prefix = host.partition(".")[0]
    return {
        "accountId": ACCOUNT_ID,
        "apiId": prefix,
        "authentication": None,
        "authorizer": {"iam": _caller(access_key)} if access_key else None,
        "domainName": host,
        "domainPrefix": prefix,
        "http": {
            "method": request.method,
            "path": request.path.decode("latin-1") or "/",
            "protocol": request.protocol,
            "sourceIp": request.peer,
            "userAgent": request.header("user-agent"),
        },
        "requestId": request_id,
        "routeKey": _ROUTE,
        "stage": _ROUTE,
        "time": log_time(request.time),
        "timeEpoch": int(request.time * 1000),
    }


def _caller(access_key: str) -> dict[str, str | None]:
    return {
        "accessKey": access_key,
        "accountId": ACCOUNT_ID,
        "callerId": "AIDALOCAL",
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": f"arn:aws:iam::{ACCOUNT_ID}:user/local",
        "userId": "AIDALOCAL",
    }


def _cookies(value: str) -> list[str]:
    return [cookie for cookie in (part.strip() for part in value.split(";")) if cookie]


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return one value a name: those of repeated names joined with a comma, in sent order."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined
