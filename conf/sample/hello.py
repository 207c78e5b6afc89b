"""The sample function: greets whoever is named in the query or in a JSON body."""

import json
from typing import Any


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer an event of API Gateway or of a function URL."""
    query = event.get("queryStringParameters") or {}
    name = query.get("name") or _name_in_body(event.get("body")) or "world"
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json", "x-function": context.function_name},
        "body": json.dumps(f"Hello, {name}!"),
    }


def _name_in_body(body: str | None) -> str | None:
    try:
        document = json.loads(body or "{}")
    except ValueError:
        return None
    return document.get("name") if isinstance(document, dict) else None
