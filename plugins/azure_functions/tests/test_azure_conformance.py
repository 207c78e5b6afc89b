from collections.abc import Mapping
from typing import Any

import pytest

from phasegate.testing.conformance import FunctionConformance
from phasegate_azure_functions import AzureFunctions

pytestmark = pytest.mark.long


class TestAzureFunctions(FunctionConformance):
    plugin = AzureFunctions
    secrets = ("s3cret-key",)
    credential_fields = ("x-functions-key", "x-functions-clientid")

    def config(self, url: str) -> Mapping[str, Any]:
        return {"function_uri": f"{url}/fn", "authorization": {"apikey": "s3cret-key", "clientid": "client"}}
