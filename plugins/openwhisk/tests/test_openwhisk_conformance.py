import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from phasegate.testing import Reply
from phasegate.testing.conformance import Answered, FunctionConformance
from phasegate_openwhisk import OpenWhisk

pytestmark = pytest.mark.long

SECRETS = ("s3cret-password", base64.b64encode(b"user:s3cret-password").decode())


class TestAction(FunctionConformance):
    plugin = OpenWhisk
    secrets = SECRETS
    credential_fields = ("authorization",)
    carries = frozenset({"body"})
    streams = False
    result = True

    def config(self, url: str) -> Mapping[str, Any]:
        return {
            "api_host": url,
            "service_token": "user:s3cret-password",
            "namespace": "guest",
            "action": "fn",
            "result": self.result,
        }

    def reply(self, answered: Answered) -> Reply:
        headers: dict[str, Any] = {}
        for name, value in answered.headers:
            headers.setdefault(name, []).append(value)
        is_text = headers.get("content-type") == ["text/plain"]
        body = answered.body.decode() if is_text else base64.b64encode(answered.body).decode()
        result = {"statusCode": answered.status, "headers": headers, "body": body}
        record = {"activationId": "1", "response": {"success": True, "result": result}}
        return Reply(body=json.dumps(result if self.result else record).encode())


class TestActionByItsRecord(TestAction):
    result = False


class TestWebAction(FunctionConformance):
    plugin = OpenWhisk
    secrets = SECRETS
    credential_fields = ("authorization",)
    function_path = "/api/v1/web/guest/default/fn.http"

    def config(self, url: str) -> Mapping[str, Any]:
        return {
            "api_host": url,
            "service_token": "user:s3cret-password",
            "namespace": "guest",
            "action": "fn",
            "web": True,
        }
