"""The rules of `openid-connect`, and of who is known by it."""

from __future__ import annotations

from typing import Any

from .plugin import fields
from .provider import ALLOWED

_NAME = {"type": "string", "empty": False}
_NAMES = {"type": "list", "schema": _NAME, "default": []}

SCHEMA: dict[str, Any] = {
    "client_id": {
        "type": "string",
        "required": True,
        "empty": False,
        "about": "This client, as the provider knows it.",
    },
    "client_secret": {
        "type": "string",
        "empty": False,
        "secret": True,
        "about": "The client's secret, which bearer tokens do not need.",
    },
    "discovery": {
        "type": "string",
        "required": True,
        "format": "url",
        "about": "The URL of the provider's description.",
    },
    "bearer_only": {
        "type": "boolean",
        "available": [True],
        "default": True,
        "about": "Take bearer tokens alone, which is all there is in this version.",
    },
    "use_jwks": {
        "type": "boolean",
        "available": [True],
        "default": True,
        "about": "Check tokens by the provider's keys, which is all there is in this version.",
    },
    "token_signing_alg_values_expected": {
        "type": "string",
        "allowed": list(ALLOWED),
        "about": "The only algorithm that tokens may have.",
    },
    "required_scopes": {**_NAMES, "about": "What the claim scope must hold, all of it; else the answer is 403."},
    "claim_validator": {
        "type": "dict",
        "default": {},
        "about": "What claims must say.",
        "schema": {
            "issuer": {
                "type": "dict",
                "default": {},
                "about": "By whom tokens must be.",
                "schema": {
                    "valid_issuers": {**_NAMES, "about": "The issuers that count; without them the provider's own."}
                },
            },
            "audience": {
                "type": "dict",
                "default": {},
                "about": "For whom tokens must be.",
                "schema": {
                    "claim": {**_NAME, "default": "aud", "about": "The claim that is looked at."},
                    "required": {"type": "boolean", "default": False, "about": "Have the claim be there."},
                    "match_with_client_id": {
                        "type": "boolean",
                        "default": False,
                        "about": "Have it hold `client_id`.",
                    },
                    "valid_audiences": {**_NAMES, "about": "What it must hold, one of these."},
                },
            },
        },
    },
    "leeway": {
        "type": "integer",
        "min": 0,
        "max": 300,
        "default": 10,
        "about": "Seconds by which clocks may differ.",
    },
    "consumer_claim": {**_NAME, "default": "sub", "about": "The claim that names a consumer by its `subject`."},
    "consumer_required": {
        "type": "boolean",
        "default": False,
        "about": "Refuse tokens whose subject no consumer has.",
    },
    "set_userinfo_header": {
        "type": "boolean",
        "default": True,
        "about": "Give the upstream the claims in X-Userinfo, JSON in base64.",
    },
    "set_access_token_header": {
        "type": "boolean",
        "default": False,
        "about": "Give the upstream the token in X-Access-Token.",
    },
    "ssl_verify": {"type": "boolean", "default": True, "about": "Verify the provider's certificate."},
    "timeout": {
        "type": "integer",
        "min": 1,
        "max": 60,
        "default": 3,
        "about": "Seconds that the provider has to answer.",
    },
    **fields("openid-connect"),
}

CONSUMER_SCHEMA: dict[str, Any] = {
    "subject": {
        "type": "string",
        "required": True,
        "empty": False,
        "about": "What the claim of the consumer's tokens says.",
    },
    "issuer": {
        "type": "string",
        "empty": False,
        "about": "By whom its tokens must be, where several providers are used.",
    },
}
