"""What is wrong with settings that their rules find good."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import Finding
from ..store.opening import judge_store
from .definition import ROUTES_NAME


def may_lack(resources: Mapping[str, Any]) -> bool:
    """Tell whether a gateway can do without the file: it has a store, and nobody said that there is a file."""
    return "file" not in resources and resources["store"] != "none"


def findings_of(value: Mapping[str, Any], directory: Path) -> list[Finding]:
    """Return what the rules can't see: files that are not there, certificates that are none, names that stand twice."""
    findings: list[Finding] = []
    for index, item in enumerate(value["listen"]):
        if "tls" in item:
            cert, key = (directory / item["tls"][name] for name in ("cert", "key"))
            findings += _tls_findings(cert, key, f"listen[{index}].tls")
    addresses = [item["address"] for item in value["listen"]]
    for index, address in enumerate(addresses):
        if address in addresses[:index] and not address.endswith(":0"):
            findings.append(Finding(f"listen[{index}].address", f"{address} stands there twice: remove one"))
    file = directory / value["resources"].get("file", ROUTES_NAME)
    if not os.path.isfile(file) and not may_lack(value["resources"]):  # noqa: PTH113 (False also where nobody may look)
        findings.append(Finding("resources.file", f"there is no file {file}"))
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


def _tls_findings(cert: Path, key: Path, path: str) -> list[Finding]:
    # os.path says False also where nobody may look.
    missing = [(name, file) for name, file in (("cert", cert), ("key", key)) if not os.path.isfile(file)]  # noqa: PTH113
    if missing:
        return [Finding(f"{path}.{name}", f"there is no file {file}") for name, file in missing]
    try:
        # The empty password keeps OpenSSL from asking for one on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
    except (ssl.SSLError, OSError) as error:
        message = f"{cert} and {key} are no certificate and its unencrypted key: {error}"
        return [Finding(path, message)]
    return []
