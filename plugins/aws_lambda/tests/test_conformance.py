import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from phasegate.testing import Received, Reply
from phasegate.testing.conformance import Answered, FunctionConformance, Seen
from phasegate_aws_lambda.plugin import AwsLambda

from .frames import FIELDS, chunk, complete

pytestmark = pytest.mark.long

IAM = {"accesskey": "AKIDEXAMPLE", "secretkey": "s3cret-key", "session_token": "s3cret-token"}


class TestBehindAURL(FunctionConformance):
    plugin = AwsLambda
    secrets = ("s3cret-api-key", "s3cret-key", "s3cret-token")
    credential_fields = ("authorization", "x-api-key", "x-amz-security-token")

    def config(self, url: str) -> Mapping[str, Any]:
        credentials = {"mode": "both", "apikey": "s3cret-api-key", "iam": IAM}
        return {"function_uri": f"{url}/fn", "authorization": credentials}

    def spelling(self, path: str) -> str:
        return path.replace("//", "/")


class TestInvoked(FunctionConformance):
    plugin = AwsLambda
    secrets = ("s3cret-key", "s3cret-token")
    credential_fields = ("authorization", "x-amz-security-token")
    streams = False

    def config(self, url: str) -> Mapping[str, Any]:
        return {"function": "fn", "endpoint": url, "authorization": {"iam": IAM}}

    def seen(self, received: Received) -> Seen:
        event = json.loads(received.body)
        headers = list(event["headers"].items())
        if "cookies" in event:
            headers.append(("cookie", "; ".join(event["cookies"])))
        body = event.get("body", "")
        return Seen(
            method=event["requestContext"]["http"]["method"],
            path=event["rawPath"].removeprefix(self.route_prefix),
            query=event["rawQueryString"],
            headers=headers,
            body=base64.b64decode(body) if event["isBase64Encoded"] else body.encode(),
        )

    def reply(self, answered: Answered) -> Reply:
        result = {
            "statusCode": answered.status,
            "headers": {name: value for name, value in answered.headers if name != "set-cookie"},
            "cookies": [value for name, value in answered.headers if name == "set-cookie"],
            "body": base64.b64encode(answered.body).decode(),
            "isBase64Encoded": True,
        }
        return Reply(body=json.dumps(result).encode())


class TestInvokedStreaming(TestInvoked):
    streams = True

    def config(self, url: str) -> Mapping[str, Any]:
        return {**super().config(url), "mode": "invoke-stream"}

    def reply(self, answered: Answered) -> Reply:
        return Reply(headers=FIELDS, body=_head(answered) + chunk(answered.body) + complete())

    def streamed(self, *parts: bytes) -> Reply:
        first, *others = map(chunk, parts)
        head = _head(Answered(headers=[("content-type", "text/plain")]))
        return Reply(headers=FIELDS, pieces=[head + first, *others, complete()])


def _head(answered: Answered) -> bytes:
    head = {
        "statusCode": answered.status,
        "headers": {name: value for name, value in answered.headers if name != "set-cookie"},
        "cookies": [value for name, value in answered.headers if name == "set-cookie"],
    }
    return chunk(json.dumps(head).encode() + bytes(8))
