"""The static settings: `gateway.yaml`, read once at start."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from .environment import fill
from .errors import ConfigError, Finding
from .http.address import Network, parse_networks
from .limits import RULES, Limits
from .references import Reach
from .schema import Schema
from .secret import Secret
from .store.opening import judge_store
from .store.yaml import read_yaml

FILE_NAME = "gateway.yaml"

_ADDRESS = {"type": "string", "format": "address"}
_PATH = {"type": "string", "empty": False}
_PREFIX = {
    "type": "string",
    "regex": "[A-Za-z_][A-Za-z0-9_]*",
    "meta": {"expected": "the beginning of variables' names, such as PHASEGATE_"},
}
_LATER: dict[str, Any] = {"available": []}
_ADMIN_KEY: dict[str, Any] = {
    "name": {
        "type": "string",
        "required": True,
        "regex": "[A-Za-z0-9._-]{1,64}",
        "meta": {"expected": "1 to 64 letters, digits, . _ or -"},
    },
    "key": {
        "type": "string",
        "required": True,
        "secret": True,
        "regex": "[!-~]{16,256}",
        "meta": {"expected": "16 to 256 visible ASCII characters without spaces"},
    },
    "role": {"type": "string", "allowed": ["admin", "viewer"], "default": "admin"},
}

DEFINITION: dict[str, Any] = {
    "listen": {
        "type": "list",
        "minlength": 1,
        "default": [{"address": "127.0.0.1:9080"}],
        "schema": {
            "type": "dict",
            "schema": {
                "address": {**_ADDRESS, "required": True},
                "tls": {
                    "type": "dict",
                    "schema": {"cert": {**_PATH, "required": True}, "key": {**_PATH, "required": True}},
                },
            },
        },
    },
    "admin": {
        "type": "dict",
        "default": {},
        "schema": {
            "address": {**_ADDRESS, "default": "127.0.0.1:9180"},
            "keys": {"type": "list", "schema": {"type": "dict", "schema": _ADMIN_KEY}, "default": []},
            "key_places": {
                "type": "list",
                "schema": {"type": "string", "allowed": ["header", "query", "cookie"]},
                "minlength": 1,
                "default": ["header"],
            },
            "cors_origin": {"type": "string", "format": "header-value"},
            "server_header": {"type": "string", "format": "header-value"},
        },
    },
    "workers": {
        "type": ["integer", "string"],
        "anyof": [{"type": "integer", "min": 1, "max": 512}, {"type": "string", "allowed": ["auto"]}],
        "default": "auto",
        "meta": {"expected": "auto or a number of processes from 1 to 512"},
    },
    "plugins": {"type": "list", "schema": {"type": "string"}, "default": []},
    "resources": {
        "type": "dict",
        "default": {},
        "schema": {
            "file": {**_PATH, "default": "routes.yaml"},
            "store": {"type": "string", "default": "sqlite:var/phasegate.db"},
        },
    },
    "server": {
        "type": "dict",
        "default": {},
        "schema": {
            "protocol": {"type": "string", "allowed": ["native", "hypercorn"], "default": "native"},
            "loop": {"type": "string", "allowed": ["auto", "asyncio", "uvloop"], "default": "auto"},
            "graceful_timeout": {"type": "number", "min": 0, "max": 3600, "default": 30},
        },
    },
    "trusted_proxies": {"type": "list", "schema": {"type": "string", "format": "network"}, "default": []},
    "log": {
        "type": "dict",
        "default": {},
        "schema": {
            "level": {"type": "string", "allowed": ["debug", "info", "warning", "error"], "default": "info"},
            "access": {"type": "string", "allowed": ["stdout", "stderr", "off"], "default": "stdout"},
        },
    },
    "limits": {"type": "dict", "default": {}, "schema": RULES},
    "secrets": {
        "type": "dict",
        "default": {},
        "schema": {
            "keyring": {**_PATH, "default": "var/keyring"},
            "file_roots": {"type": "list", "schema": _PATH, "default": []},
            "env_prefixes": {"type": "list", "schema": _PREFIX, "default": ["PHASEGATE_"]},
        },
    },
    "node": _LATER,
}


@dataclass(frozen=True, slots=True)
class TLS:
    """Where a listener's certificate chain and key lie, in PEM files."""

    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Listen:
    """One address that takes requests, `host:port`; with `tls` it speaks HTTPS, with ALPN for HTTP/2."""

    address: str
    tls: TLS | None = None


@dataclass(frozen=True, slots=True)
class AdminKey:
    """Who may use the Admin API: revisions and logs know them by `name`; a viewer reads alone, and no secrets."""

    name: str
    key: Secret
    role: Literal["admin", "viewer"] = "admin"


@dataclass(frozen=True, slots=True)
class AdminSettings:
    """How the Admin API is reached, address apart. Without `keys` one is made, in the file that `Settings.admin_key_file` says."""

    keys: tuple[AdminKey, ...] = ()
    key_places: tuple[Literal["header", "query", "cookie"], ...] = ("header",)
    cors_origin: str | None = None
    server_header: str = field(default_factory=lambda: f"Phasegate/{version('phasegate')}")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that `gateway.yaml` says, paths resolved against its folder."""

    listen: tuple[Listen, ...]
    admin_address: str
    workers: int
    plugins: tuple[str, ...]
    file: Path
    store: str = "none"
    protocol: Literal["native", "hypercorn"] = "native"
    loop: Literal["auto", "asyncio", "uvloop"] = "auto"
    graceful_timeout: float = 30.0
    limits: Limits = field(default_factory=Limits)
    trusted_proxies: tuple[Network, ...] = ()
    log_level: str = "info"
    access_log: Literal["stdout", "stderr", "off"] = "stdout"
    keyring: Path = Path("var/keyring")
    reach: Reach = field(default_factory=Reach)
    path: Path = field(default_factory=Path)
    admin: AdminSettings = field(default_factory=AdminSettings)

    @property
    def last_good_file(self) -> Path:
        """Where what etcd holds is kept, for when etcd is away."""
        return self.path.parent / "var" / "last-good"

    @property
    def admin_key_file(self) -> Path:
        """Where the key is kept that is made when `admin.keys` names none."""
        return self.path.parent / "var" / "admin-key"


def load_settings(directory: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of a configuration folder. Raise ConfigError with everything that is wrong in its file."""
    path = directory / FILE_NAME
    if not directory.is_dir():
        raise ConfigError([Finding("", f"is no folder: name the one that holds {FILE_NAME}")], str(directory))
    document, findings = fill(read_yaml(path), os.environ if environ is None else environ)
    value, more = Schema(DEFINITION).validate(document)
    findings = [*findings, *more, *(_file_findings(value, directory) if not more else ())]
    if findings:
        raise ConfigError(findings, str(path))
    return _settings(value, directory)


def _settings(value: Mapping[str, Any], directory: Path) -> Settings:
    return Settings(
        listen=tuple(_listen(item, directory) for item in value["listen"]),
        admin_address=value["admin"]["address"],
        workers=_available_cores() if value["workers"] == "auto" else value["workers"],
        plugins=tuple(value["plugins"]),
        file=directory / value["resources"]["file"],
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


def _file_findings(value: Mapping[str, Any], directory: Path) -> list[Finding]:
    findings: list[Finding] = []
    for index, item in enumerate(value["listen"]):
        if "tls" in item:
            findings += _tls_findings(_listen(item, directory).tls, f"listen[{index}].tls")
    addresses = [item["address"] for item in value["listen"]]
    for index, address in enumerate(addresses):
        if address in addresses[:index] and not address.endswith(":0"):
            findings.append(Finding(f"listen[{index}].address", f"{address} stands there twice: remove one"))
    if not os.path.isfile(directory / value["resources"]["file"]):  # noqa: PTH113 (False also where nobody may look)
        findings.append(Finding("resources.file", f"there is no file {directory / value['resources']['file']}"))
    findings += judge_store(value["resources"]["store"], directory)
    findings += _admin_findings(value["admin"]["keys"])
    for index, name in enumerate(value["plugins"]):
        if name in value["plugins"][:index]:
            findings.append(Finding(f"plugins[{index}]", f"{name!r} stands there twice: remove one"))
    return [*findings, *_root_findings(value["secrets"], directory)]


def _root_findings(secrets: Mapping[str, Any], directory: Path) -> Iterator[Finding]:
    keyring = os.path.realpath(directory / secrets["keyring"])
    for index, root in enumerate(secrets["file_roots"]):
        path = os.path.realpath(directory / root)
        if not os.path.isdir(path):  # noqa: PTH112 (False also where nobody may look)
            yield Finding(f"secrets.file_roots[{index}]", f"there is no folder {directory / root}")
        elif Path(keyring).is_relative_to(path):
            yield Finding(
                f"secrets.file_roots[{index}]", "holds the key ring, which no reference may read: move either"
            )


def _admin_findings(keys: list[Mapping[str, Any]]) -> list[Finding]:
    findings = []
    for name in ("name", "key"):
        values = [item[name] for item in keys]
        for index, value in enumerate(values):
            if value in values[:index]:
                what = f"{value!r}" if name == "name" else "this key"
                findings.append(Finding(f"admin.keys[{index}].{name}", f"{what} stands there twice: remove one"))
    return findings


def _tls_findings(tls: TLS | None, path: str) -> list[Finding]:
    if tls is None:
        return []
    # os.path says False also where nobody may look.
    missing = [(name, file) for name, file in (("cert", tls.cert), ("key", tls.key)) if not os.path.isfile(file)]  # noqa: PTH113
    if missing:
        return [Finding(f"{path}.{name}", f"there is no file {file}") for name, file in missing]
    try:
        # The empty password keeps OpenSSL from asking for one on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.cert, tls.key, password="")
    except (ssl.SSLError, OSError) as error:
        message = f"{tls.cert} and {tls.key} are no certificate and its unencrypted key: {error}"
        return [Finding(path, message)]
    return []
