from collections.abc import Mapping
from typing import Any

import pytest

from phasegate.testing.conformance import FunctionConformance
from phasegate_openfunction import OpenFunction

pytestmark = pytest.mark.long


class TestOpenFunction(FunctionConformance):
    plugin = OpenFunction
    secrets = ("s3cret-password", "dXNlcjpzM2NyZXQtcGFzc3dvcmQ=")
    credential_fields = ("authorization",)

    def config(self, url: str) -> Mapping[str, Any]:
        return {"function_uri": f"{url}/fn", "authorization": {"service_token": "user:s3cret-password"}}
