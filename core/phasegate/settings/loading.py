"""From `gateway.yaml` to settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..environment import fill
from ..errors import ConfigError, Finding
from ..http.address import parse_networks
from ..limits import Limits
from ..references import Reach
from ..schema import Schema
from ..secret import Secret
from ..store.yaml import read_yaml
from .definition import DEFINITION, ROUTES_NAME
from .judging import findings_of, may_lack
from .values import TLS, AdminKey, AdminSettings, Listen, Settings

FILE_NAME = "gateway.yaml"


def load_settings(directory: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of a configuration folder. Raise ConfigError with everything that is wrong in its file."""
    path = directory / FILE_NAME
    if not directory.is_dir():
        raise ConfigError([Finding("", f"is no folder: name the one that holds {FILE_NAME}")], str(directory))
    document, findings = fill(read_yaml(path), os.environ if environ is None else environ)
    value, more = Schema(DEFINITION).validate(document)
    findings = [*findings, *more, *(findings_of(value, directory) if not more else ())]
    if findings:
        raise ConfigError(findings, str(path))
    return _settings(value, directory)


def _settings(value: Mapping[str, Any], directory: Path) -> Settings:
    return Settings(
        listen=tuple(_listen(item, directory) for item in value["listen"]),
        admin_address=value["admin"]["address"],
        workers=_available_cores() if value["workers"] == "auto" else value["workers"],
        plugins=tuple(value["plugins"]),
        file=directory / value["resources"].get("file", ROUTES_NAME),
        file_may_lack=may_lack(value["resources"]),
        store=value["resources"]["store"],
        protocol=value["server"]["protocol"],
        loop=value["server"]["loop"],
        graceful_timeout=float(value["server"]["graceful_timeout"]),
        limits=Limits.of(value["limits"]),
        trusted_proxies=parse_networks(tuple(value["trusted_proxies"])),
        log_level=value["log"]["level"],
        access_log=value["log"]["access"],
        keyring=directory / value["secrets"]["keyring"],
        reach=_reach(value["secrets"], directory),
        path=directory / FILE_NAME,
        admin=_admin(value["admin"]),
    )


def _admin(value: Mapping[str, Any]) -> AdminSettings:
    keys = tuple(AdminKey(item["name"], Secret(str(item["key"])), item["role"]) for item in value["keys"])
    given = {name: value[name] for name in ("cors_origin", "server_header") if name in value}
    return AdminSettings(keys, tuple(value["key_places"]), **given)


def _listen(item: Mapping[str, Any], directory: Path) -> Listen:
    tls = item.get("tls")
    return Listen(item["address"], TLS(directory / tls["cert"], directory / tls["key"]) if tls else None)


def _reach(secrets: Mapping[str, Any], directory: Path) -> Reach:
    roots = tuple(directory / root for root in secrets["file_roots"])
    return Reach(tuple(secrets["env_prefixes"]), roots, directory)


def _available_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
