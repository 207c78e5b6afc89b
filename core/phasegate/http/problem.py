"""Errors as answers: problem JSON (RFC 9457), and the bodies that users of APISIX's gateways know."""

from __future__ import annotations

from ..errors import OtherWebSocketVersion, RequestError, RouteNotFound, Unauthorized
from .message import Response

SERVER = "Phasegate"
"""What answers call their server."""


def error_response(error: RequestError, request_id: str | None) -> Response:
    """Return what the client sees of an error: status, title, code, where there is one the request id, and what the error
    adds, never the cause. A configured body stands in the place of all that.
    """
    response = _problem(error, request_id)
    if error.instead is not None:
        response.headers["content-type"], response.body = error.instead
    return response


def _problem(error: RequestError, request_id: str | None) -> Response:
    if isinstance(error, RouteNotFound):
        return Response.json({"error_msg": "404 Route Not Found"}, 404)
    if isinstance(error, Unauthorized):
        return _unauthorized(error)
    problem: dict[str, str | int] = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "code": error.code,
    }
    if request_id is not None:
        problem["request_id"] = request_id
    problem |= error.members
    response = Response.json(problem, error.status, "application/problem+json")
    if isinstance(error, OtherWebSocketVersion):
        response.headers["sec-websocket-version"] = "13"
    for name, value in error.headers.items():
        response.headers[name] = value
    return response


def _unauthorized(error: Unauthorized) -> Response:
    response = Response.json({"message": error.public}, 401)
    for challenge in error.challenges:
        response.headers.add("www-authenticate", challenge)
    return response
