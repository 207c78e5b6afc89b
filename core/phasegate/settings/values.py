"""What `gateway.yaml` says, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from ..http.address import Network
from ..limits import Limits
from ..references import Reach
from ..secret import Secret


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
    file_may_lack: bool = False
    store: str = field(default="none", repr=False)
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
