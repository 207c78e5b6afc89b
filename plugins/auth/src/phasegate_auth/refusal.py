"""How restrictions refuse: one log line that says why, and an answer that does not."""

from __future__ import annotations

import logging

from phasegate import Exchange, Response


def refused(
    exchange: Exchange, logger: logging.Logger, *, plugin: str, reason: str, message: str, status: int
) -> Response:
    """Return the answer of a restriction, with its reason logged."""
    fields = {"plugin": plugin, "reason": reason, "request_id": exchange.request_id, "client": exchange.original.client}
    logger.info("access refused", extra=fields)
    return Response.json({"message": message}, status)
