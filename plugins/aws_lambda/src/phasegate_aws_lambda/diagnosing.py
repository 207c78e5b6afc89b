"""What `phasegate doctor` is told of a route's function: region, credentials, and whether it may be called."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Literal

from phasegate import Diagnosis, Finding, Services, in_thread

from .authorization import Authorization
from .credentials import Keys, Source
from .dry_run import DryRun
from .endpoint import DEFAULT_REGION, Endpoint, endpoint_of
from .function_name import Template
from .invoke_fields import InvokeFields

_MOST_FUNCTIONS = 5
_WILD = frozenset("*?[")
# The action that a caller of each needs ("Control access to Lambda function URLs", "Control access to a REST API with IAM
# permissions", AWS documentation).
_ACTIONS = {"lambda": "lambda:InvokeFunctionUrl and lambda:InvokeFunction", "execute-api": "execute-api:Invoke"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """One route's function. `host` is what signatures are for; `dry_run` is None for a function behind a URL."""

    fields: InvokeFields
    authorization: Authorization
    host: str
    is_elsewhere: bool
    """Whether requests go to another place than the host: an emulator, a tunnel, a VPC endpoint."""
    region_given: bool
    dry_run: DryRun | None

    async def look(self, services: Services) -> AsyncIterator[Diagnosis]:
        """Yield what is found; nothing that is done here calls the function."""
        for finding in self._contradictions():
            yield finding
        keys: Keys | None = None
        source = self._source()
        if source is None:
            yield self._unsigned()
        else:
            found = await in_thread(lambda: importlib.import_module(f"{__package__}.key_check").look(source))
            yield found.diagnosis
            if self.dry_run is not None and not self.region_given:
                yield _region_by_default(found.machine_region)
            if found.keys is None:
                return
            keys = found.keys
        async for diagnosis in self._permission(keys, source, services):
            yield diagnosis

    def _source(self) -> Source | None:
        """Return where keys come from, those given in the configuration too; None where nothing is signed."""
        iam = self.authorization.iam
        return None if iam is None or not self.authorization.signs else iam.source(iam.endpoint(self.host).region)

    def _contradictions(self) -> Iterator[Diagnosis]:
        if self.authorization.iam is not None and self.authorization.signs:
            yield from map(_contradiction, self.authorization.iam.contradictions(self.host))

    def _unsigned(self) -> Diagnosis:
        if self.dry_run is None:
            if self.authorization.sends_key:
                return Diagnosis("credentials", "an API key, sent as x-api-key")
            return Diagnosis("credentials", "none configured: what the client sends of its own goes on")
        level: Literal["warning", "error"] = "warning" if self.is_elsewhere else "error"
        message = "none configured, so that calls are not signed, which none but emulators take"
        return Diagnosis("credentials", message, level, "set authorization.iam")

    async def _permission(
        self, keys: Keys | None, source: Source | None, services: Services
    ) -> AsyncIterator[Diagnosis]:
        if self.dry_run is not None:
            async for diagnosis in self._tried(self.dry_run, keys, services):
                yield diagnosis
            return
        known = endpoint_of(self.host)
        if keys is not None and source is not None and known is not None and not self.is_elsewhere:
            yield await in_thread(lambda: importlib.import_module(f"{__package__}.key_check").identity(keys, source))
        yield self._untried(known)

    async def _tried(self, dry_run: DryRun, keys: Keys | None, services: Services) -> AsyncIterator[Diagnosis]:
        names = self._names()
        for name in names:
            async for diagnosis in dry_run.with_keys(keys).ask(name, services):
                yield diagnosis
        if not names:
            message = "can't be tried: which function is called, each request says"
            yield Diagnosis(
                "permission", message, "note", "see that lambda:InvokeFunction is allowed on allowed_functions"
            )

    def _names(self) -> list[str]:
        function = self.fields.function or ""
        if not Template(function).varies:
            return [function]
        return [name for name in self.fields.allowed_functions if _WILD.isdisjoint(name)][:_MOST_FUNCTIONS]

    def _untried(self, known: Endpoint | None) -> Diagnosis:
        message = "can't be tried: any request there might run the function"
        if self.authorization.signs:
            action = _ACTIONS.get(known.service if known else "", "the call")
            return Diagnosis("permission", message, "note", f"see that {action} is allowed to these keys")
        if self.authorization.sends_key:
            return Diagnosis("permission", message, "note", "see that the key is in a usage plan of the API's stage")
        return Diagnosis("permission", message, "note")


def _contradiction(finding: Finding) -> Diagnosis:
    key = finding.path.rpartition(".")[2]
    return Diagnosis("region" if key == "aws_region" else key, f"{key} {finding.message}", "error", f"leave {key} out")


def _region_by_default(machine_region: str | None) -> Diagnosis:
    if machine_region in (None, DEFAULT_REGION):
        return Diagnosis("region", f"{DEFAULT_REGION}, since nothing says another", "note")
    message = f"{DEFAULT_REGION}, since the route names none, though this machine is in {machine_region}"
    return Diagnosis("region", message, "warning", f"set region: {machine_region}, if the function is there")
