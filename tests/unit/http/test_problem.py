import json

from phasegate import FunctionFailed, RequestError, Unauthorized
from phasegate.errors import RouteNotFound, UpstreamTimeout
from phasegate.http.problem import error_response


def body_of(error: RequestError) -> object:
    body = error_response(error, "id-1").body
    assert isinstance(body, bytes)
    return json.loads(body)


def test_an_error_is_a_problem_without_its_cause() -> None:
    response = error_response(UpstreamTimeout("10.0.0.1 took too long"), "id-1")
    assert response.status == 504
    assert response.headers.get("content-type") == "application/problem+json"
    assert body_of(UpstreamTimeout("10.0.0.1 took too long")) == {
        "type": "about:blank",
        "title": "Gateway Timeout",
        "status": 504,
        "code": "upstream_timeout",
        "request_id": "id-1",
    }


def test_no_route_has_the_body_that_users_know() -> None:
    assert body_of(RouteNotFound("no")) == {"error_msg": "404 Route Not Found"}


def test_a_failed_authentication_carries_every_challenge() -> None:
    error = Unauthorized("why", public="Missing API key in request", challenges=("apikey", "Basic"))
    response = error_response(error, "id-1")
    assert response.headers.get_all("www-authenticate") == ["apikey", "Basic"]
    assert body_of(error) == {"message": "Missing API key in request"}


def test_a_function_failure_adds_members_and_fields() -> None:
    error = FunctionFailed(
        "why", status=503, code="not_ready", members={"aws_request_id": "a"}, headers={"retry-after": "1"}
    )
    response = error_response(error, "id-1")
    assert (response.status, response.headers.get("retry-after")) == (503, "1")
    assert body_of(error) == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "code": "not_ready",
        "request_id": "id-1",
        "aws_request_id": "a",
    }
