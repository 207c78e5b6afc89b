"""The schemas of the enabled plugins: validating their configurations and making instances of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from ..errors import ConfigError, Finding
from ..plugin import Plugin
from ..registry import Registry, installed
from .fields import binder, disagreements, hidden
from .json_schema import json_schema
from .resources import PLAIN_META, PLUGIN_META
from .validator import Schema

_REMEMBERED = 100_000


class PluginSchemas:
    """Judges the `plugins` maps of resources.

    Raise ConfigError when a plugin's own schema is broken or does not agree with its fields.
    """

    def __init__(self, registry: Registry) -> None:
        self._meta = {True: Schema(PLUGIN_META), False: Schema(PLAIN_META)}
        self._schemas: dict[str, Schema] = {}
        self._consumer_schemas: dict[str, Schema] = {}
        self._metadata_schemas: dict[str, Schema] = {}
        self.consumer_keys = {cls.name: cls.consumer_key for cls in registry.classes.values() if cls.consumer_key}
        self._authenticating = frozenset(
            cls.name for cls in registry.classes.values() if "authenticate" in registry.phases(cls)
        )
        self._credential_checks = {
            cls.name: cls.check_credential for cls in registry.classes.values() if _own_check(cls)
        }
        self._binders: dict[str, Callable[[Mapping[str, Any]], Plugin]] = {}
        self._checked: dict[int, tuple[Mapping[str, Any], tuple[Finding, ...]]] = {}
        findings = [finding for cls in registry.classes.values() for finding in self._add(cls)]
        if findings:
            raise ConfigError(findings)

    def validate(self, name: str, config: object, path: str) -> tuple[dict[str, Any], list[Finding]]:
        """Return a plugin's configuration on a route, service, plugin config or global rule, without its `_meta`."""
        return self._judge(self._schemas, name, config, path)

    def validate_credential(self, name: str, config: object, path: str) -> tuple[dict[str, Any], list[Finding]]:
        """Return an auth plugin's entry on a consumer."""
        return self._judge(self._consumer_schemas, name, config, path)

    def validate_metadata(self, name: str, metadata: object, path: str) -> tuple[dict[str, Any], list[Finding]]:
        """Return a plugin's metadata, its secrets as `Secret`."""
        if name in self._schemas and name not in self._metadata_schemas:
            return {}, [Finding(path, f"plugin {name!r} takes no metadata: leave it out")]
        value, findings = self._judge(self._metadata_schemas, name, metadata, path)
        return value if findings else hidden(value, self._metadata_schemas[name].definition), findings

    def is_credential(self, name: str) -> bool:
        """Tell whether the plugin's entry on a consumer is a credential."""
        return name in self._consumer_schemas

    def authenticates(self, name: str) -> bool:
        """Tell whether an enabled plugin says who sends a request."""
        return name in self._authenticating

    def check_credential(self, name: str, config: Mapping[str, Any]) -> tuple[Finding, ...]:
        """Return what the plugin itself says of its validated entry on a consumer, paths relative to it."""
        checker = self._credential_checks.get(name)
        if checker is None:
            return ()
        try:
            return tuple(checker(config))
        except (Exception, SystemExit) as error:  # noqa: BLE001 (a plugin may raise anything, with a secret in it)
            return (Finding("", f"plugin {name!r} can't check it: {type(error).__name__}"),)

    def meta(self, config: object, path: str, *, in_phases: bool = True) -> tuple[dict[str, Any], list[Finding]]:
        """Return what `_meta` of a plugin's configuration says; where it runs in no phase, less can be said."""
        given = config.get("_meta", {}) if isinstance(config, Mapping) else {}
        return self._meta[in_phases].validate(given, f"{path}._meta")

    def instance(self, name: str, config: Mapping[str, Any]) -> Plugin:
        """Return a new plugin instance that holds a validated configuration."""
        return self._binders[name](config)

    def check(self, name: str, config: Mapping[str, Any]) -> tuple[Finding, ...]:
        """Return what the plugin itself says of a validated configuration, paths relative to it.

        Asked once for each configuration, which the schema gives as the same object while it is unchanged.
        """
        known = self._checked.get(id(config))
        if known is None:
            if len(self._checked) >= _REMEMBERED:
                self._checked.clear()
            known = self._checked[id(config)] = (config, self._ask(name, config))
        return known[1]

    def _ask(self, name: str, config: Mapping[str, Any]) -> tuple[Finding, ...]:
        try:
            return tuple(self.instance(name, config).check())
        except (Exception, SystemExit) as error:  # noqa: BLE001 (a plugin may raise anything)
            return (Finding("", f"plugin {name!r} can't check it: {type(error).__name__}: {error}"),)

    def _judge(
        self, schemas: dict[str, Schema], name: str, config: object, path: str
    ) -> tuple[dict[str, Any], list[Finding]]:
        schema = schemas.get(name)
        if schema is None:
            return {}, [Finding(path, self._why_unknown(name))]
        plain = {key: value for key, value in config.items() if key != "_meta"} if isinstance(config, dict) else config
        return schema.validate(plain, path)

    def _why_unknown(self, name: str) -> str:
        if name in installed():
            return f"plugin {name!r} is installed but not enabled: add it to plugins in gateway.yaml"
        close = get_close_matches(name, self._schemas, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"enabled: {', '.join(sorted(self._schemas)) or 'none'}"
        return f"unknown plugin {name!r}; {hint}"

    def _add(self, cls: type[Plugin]) -> list[Finding]:
        try:
            schema = Schema(cls.schema)
            findings = [finding.under(cls.__qualname__) for finding in disagreements(cls, cls.schema)]
            if findings:
                return findings
            json_schema(cls.schema)
            self._schemas[cls.name] = schema
            self._binders[cls.name] = binder(cls, cls.schema)
            if cls.consumer_schema is not None:
                json_schema(cls.consumer_schema)
                self._consumer_schemas[cls.name] = Schema(cls.consumer_schema)
            if cls.metadata_schema is not None:
                json_schema(cls.metadata_schema)
                self._metadata_schemas[cls.name] = Schema(cls.metadata_schema)
        except (ValueError, NameError) as error:
            return [Finding(cls.__qualname__, str(error))]
        return []


def _own_check(cls: type[Plugin]) -> bool:
    return getattr(cls.check_credential, "__func__", None) is not vars(Plugin)["check_credential"].__func__
