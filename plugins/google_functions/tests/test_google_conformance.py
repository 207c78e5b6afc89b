import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from phasegate.testing import FakeUpstream, Reply
from phasegate.testing.conformance import FunctionConformance
from phasegate_google_functions import GoogleCloudFunctions

pytestmark = pytest.mark.long


class TestGoogleCloudFunctions(FunctionConformance):
    plugin = GoogleCloudFunctions
    credential_fields = ("authorization",)

    @pytest.fixture(autouse=True)
    def _account(
        self,
        google: FakeUpstream,
        account: dict[str, str],
        id_token: Callable[..., str],
        reply: Callable[..., Reply],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        google.reply(reply({"id_token": id_token()}))
        self.account = account
        monkeypatch.setattr(type(self), "secrets", (id_token(), account["private_key"].splitlines()[1]))

    def config(self, url: str) -> Mapping[str, Any]:
        return {
            "function_uri": f"{url}/fn",
            "audience": "https://fn-abc-ew.a.run.app",
            "authorization": {"credentials": json.dumps(self.account)},
        }
