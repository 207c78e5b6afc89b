"""References resolved: many at a time, each once in a while, every failure told with its place."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from ..errors import Finding
from ..schema.managers import ManagerSchema
from .aws import SecretsManager
from .cache import Cache
from .documents import Use, filled, used
from .parts import picked
from .reach import Reach, read_file, read_variable
from .syntax import File, Managed, Unresolved, Variable, parse
from .vault import read_vault

Managers = Mapping[str, Mapping[str, Any]]

TTL_SECONDS = 60.0
_TIMEOUT_SECONDS = 5.0
_SHOWN_LENGTH = 200
# What the Admin API adds to what was written.
_STAMPS = ("create_time", "update_time")


class References:
    """Resolves references for as long as the process lives, and remembers what it read for `ttl` seconds.

    Ask for a new table when a document changes, and each `ttl` seconds, for a secret that was rotated shows there.
    """

    def __init__(
        self,
        reach: Reach,
        environ: Mapping[str, str] | None = None,
        *,
        ttl: float = TTL_SECONDS,
        timeout: float = _TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reach = reach
        self._environ = os.environ if environ is None else environ
        self._cache = Cache(ttl, timeout, clock)
        self._schema = ManagerSchema()
        self._aws = SecretsManager()

    async def table(self, references: Iterable[Use], managers: Managers) -> tuple[dict[str, str], list[Finding]]:
        """Return the values of references by their text, and a finding for each place whose reference has none.

        `managers` holds the `secrets` resources by their ids, such as `vault/1`; their own fields may be references to
        variables and files.
        """
        places: dict[str, list[str]] = {}
        for use in references:
            places.setdefault(use.text, []).append(use.path)
        results = await asyncio.gather(*(self._attempt(text, managers) for text in places))
        self._cache.forget()
        table: dict[str, str] = {}
        findings: list[Finding] = []
        for (text, paths), result in zip(places.items(), results, strict=True):
            if isinstance(result, str):
                table[text] = result
            else:
                findings += [Finding(path, f"reference {_short(text)} {result}") for path in paths]
        return table, findings

    async def close(self) -> None:
        """Give up what is under way."""
        await self._cache.close()
        self._aws.close()

    async def _attempt(self, text: str, managers: Managers) -> str | Unresolved:
        try:
            return await self._resolve(text, managers)
        except Unresolved as error:
            return error

    async def _resolve(self, text: str, managers: Managers | None) -> str:
        match parse(text):
            case Variable() as variable:
                return read_variable(variable, self._reach, self._environ)
            case File() as file:
                return await self._file(text, file)
            case Managed() as managed:
                secret = await self._secret(managed, await self._manager(managed.manager, managers))
                return picked(secret, (managed.key,))

    async def _file(self, text: str, file: File) -> str:
        read: str = await self._cache.get(file, text, lambda: asyncio.to_thread(read_file, file, self._reach))
        return read

    async def _secret(self, managed: Managed, manager: Mapping[str, Any]) -> object:
        """Return all keys of a secret, read once for all references to it."""
        reader = read_vault if managed.manager.startswith("vault/") else self._aws.read
        key = (orjson.dumps(manager, option=orjson.OPT_SORT_KEYS), managed.name)
        name = f"$secret://{managed.manager}/{managed.name}"
        return await self._cache.get(key, name, lambda: reader(manager, managed.name))

    async def _manager(self, name: str, managers: Managers | None) -> Mapping[str, Any]:
        """Return a manager ready for use; `managers` is None for what a manager itself asks for."""
        if managers is None:
            raise Unresolved("leads to a manager again: use $env:// or $file:// there")
        if name not in managers:
            known = ", ".join(sorted(managers)) or "none"
            raise Unresolved(f"names a manager that is not there: write secrets/{name}; known: {known}")
        plain = {key: item for key, item in managers[name].items() if key not in _STAMPS}
        own = {use.text for use in used(plain)}
        values = {text: await self._own(text, name) for text in own}
        manager, findings = self._schema.validate({**filled(plain, values), "id": name})
        if findings:
            raise Unresolved(f"can't be read, for secrets/{name} is not valid: {findings[0]}")
        return {key: str(item) for key, item in manager.items()}

    async def _own(self, text: str, name: str) -> str:
        """Return the value of a reference in a manager."""
        try:
            return await self._resolve(text, None)
        except Unresolved as error:
            raise Unresolved(f"can't be read, for secrets/{name} holds {_short(text)}, which {error}") from error


def _short(text: str) -> str:
    """Return a reference as a message may show it: one printable line."""
    line = "".join(character if character.isprintable() else "?" for character in text[:_SHOWN_LENGTH])
    return line if len(text) <= _SHOWN_LENGTH else f"{line}..."
