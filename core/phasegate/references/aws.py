"""Secrets out of AWS Secrets Manager, by botocore: the extra `phasegate[aws]`."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .cache import AT_ONCE
from .parts import parsed
from .syntax import Unresolved

_CONNECT_SECONDS = 3
_READ_SECONDS = 5


class SecretsManager:
    """Reads secrets in threads of its own, since botocore blocks."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="secrets-manager")
        self._clients: dict[str, tuple[Mapping[str, Any], Any]] = {}

    async def read(self, manager: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        """Return the keys of a secret that is a JSON object. Raise Unresolved."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, manager, name)

    def close(self) -> None:
        """Let the threads end once they have finished what they are at."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _read(self, manager: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        try:
            exceptions = importlib.import_module("botocore.exceptions")
        except ImportError as error:
            raise Unresolved("needs botocore: pip install phasegate[aws]") from error
        try:
            answer = self._client(manager).get_secret_value(SecretId=name)
        except exceptions.ClientError as error:
            code = error.response.get("Error", {}).get("Code", "an error")
            raise Unresolved(f"AWS Secrets Manager answers {code} for {name!r}: {_remedy(code)}") from error
        except (exceptions.BotoCoreError, ValueError) as error:
            raise Unresolved(f"AWS Secrets Manager can't be asked: {type(error).__name__}") from error
        secret = parsed(answer.get("SecretString") or answer.get("SecretBinary") or "")
        if not isinstance(secret, Mapping):
            raise Unresolved("asks for a key of a value that is no JSON object")
        return secret

    def _client(self, manager: Mapping[str, Any]) -> Any:
        """Return the manager's client, made once: it reads megabytes of descriptions."""
        known = self._clients.get(manager["id"])
        if known is None or known[0] != manager:
            known = self._clients[manager["id"]] = (manager, _client(manager))
        return known[1]


def _client(manager: Mapping[str, Any]) -> Any:
    session = importlib.import_module("botocore.session").Session()
    config = importlib.import_module("botocore.config").Config(
        connect_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS, retries={"total_max_attempts": 1}
    )
    return session.create_client(
        "secretsmanager",
        region_name=manager["region"],
        endpoint_url=manager.get("endpoint_url"),
        aws_access_key_id=manager["access_key_id"],
        aws_secret_access_key=manager["secret_access_key"],
        aws_session_token=manager.get("session_token"),
        config=config,
    )


def _remedy(code: str) -> str:
    if code == "ResourceNotFoundException":
        return "create it, or mend the reference or the manager's region"
    return "see that the manager's keys hold and may read it"
