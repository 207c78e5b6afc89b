"""What a function's event says of the caller, where AWS's events say what an authorizer found out.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html and, for format 1.0,
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import orjson

from ..exchange import Exchange


def authorizer(exchange: Exchange, payload_format: Literal["1.0", "2.0"] = "2.0") -> dict[str, Any] | None:
    """Return an event's `requestContext.authorizer`; None where nobody is known and no token was looked at.

    Format 2.0 has the consumer under `lambda` and a token's claims under `jwt`, format 1.0 both in one object with
    `principalId`. Values are text, as AWS's are.
    """
    context, claims = _context(exchange), exchange.claims
    if not context and claims is None:
        return None
    if payload_format == "2.0":
        token = {"jwt": {"claims": _texts(claims), "scopes": _scopes(claims)}} if claims is not None else {}
        return ({"lambda": context} if context else {}) | token
    principal = context.get("username") or str((claims or {}).get("sub", ""))
    return {"principalId": principal, **context, **({"claims": _texts(claims)} if claims is not None else {})}


def _context(exchange: Exchange) -> dict[str, str]:
    consumer, credential = exchange.consumer, exchange.credential
    if consumer is None:
        return {}
    told = {
        "username": consumer.username,
        "customId": consumer.labels.get("custom_id"),
        "groups": consumer.group_id,
        "credentialIdentifier": credential.identifier if credential else None,
        # Nobody but the gateway can have written it.
        "anonymous": exchange.request.headers.get("x-anonymous-consumer"),
    }
    return {name: value for name, value in told.items() if value}


def _texts(claims: Mapping[str, Any]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else orjson.dumps(value).decode() for name, value in claims.items()}


def _scopes(claims: Mapping[str, Any]) -> list[str] | None:
    told = claims.get("scope")
    return told.split(" ") if isinstance(told, str) and told else None
