"""What the Lambda API answers in these tests, and a gateway that asks it."""

from __future__ import annotations

import json
from typing import Any

from phasegate.testing import FakeUpstream, Reply, RunningGateway
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.plugin import AwsLambda

AWS_ID = "7ddd7b31-2d3f-4b8a-9b39-9b3f3bd0a3f1"
IAM = {"accesskey": "AKIDEXAMPLE", "secretkey": "the-secret-key", "session_token": "the/session+token"}
ERROR = "Function raised an error on purpose"


async def started(start_gateway: GatewayMaker, upstream: FakeUpstream, **config: Any) -> RunningGateway:
    plugin = {"function": "app", "endpoint": upstream.url, "authorization": {"iam": IAM}, **config}
    return await start_gateway({"routes": [{"id": "r", "uri": "/x/*", "plugins": {"aws-lambda": plugin}}]}, [AwsLambda])


def refusal(status: int, error_type: str, headers: dict[str, str] | None = None, **members: str) -> Reply:
    document = {"Type": "User", "message": "what AWS says", **members}
    fields = {"x-amzn-RequestId": AWS_ID, "x-amzn-ErrorType": error_type, **(headers or {})}
    return Reply(status=status, headers=fields, body=json.dumps(document).encode())


def function_error(kind: str = "Unhandled", **document: Any) -> Reply:
    fields = {"x-amzn-RequestId": AWS_ID, "X-Amz-Function-Error": kind, "Content-Type": "application/json"}
    return Reply(headers=fields, body=json.dumps(document).encode())


def success(body: bytes, **headers: str) -> Reply:
    return Reply(headers={"x-amzn-RequestId": AWS_ID, **headers}, body=body)
