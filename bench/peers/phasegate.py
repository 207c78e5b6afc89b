"""The gateway, as an operator runs it: one worker, three routes to the upstream."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from .peer import Peer, Site, free_port

_POOL = 64
# Made up; they only have to be there.
_IAM = {"accesskey": "AKIDEXAMPLE", "secretkey": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "service": "lambda"}


def start(
    site: Site, upstream: str, *, limits: Mapping[str, int] | None = None, further: Sequence[dict[str, Any]] = ()
) -> Peer:
    """Start the gateway, with other limits than the defaults and with further routes where they are given."""
    port = free_port()
    folder = site.folder / "phasegate"
    folder.mkdir()
    _write(folder / "gateway.yaml", {**_settings(port, free_port()), "limits": dict(limits or {})})
    _write(folder / "routes.yaml", {"routes": [*_routes(upstream), *further]})
    arguments = [sys.executable, "-m", "phasegate", "run", "--conf", str(folder)]
    child = site.children.start("phasegate", arguments, site.cores.server)
    return Peer(
        name="phasegate",
        summary="the gateway, one worker, uvloop, access log to a file every 50 ms",
        child=child,
        ports={"h1": port, "h2c": port},
        paths={"api-key": "/api-key", "sigv4": "/sigv4", "forward": "/forward"},
        access_log=child.stdout,
    )


def _settings(port: int, admin_port: int) -> dict[str, Any]:
    return {
        "listen": [{"address": f"127.0.0.1:{port}"}],
        "admin": {"address": f"127.0.0.1:{admin_port}"},
        "workers": 1,
        "plugins": ["aws-lambda"],
        "server": {"loop": "uvloop", "graceful_timeout": 5},
        "log": {"level": "info", "access": "stdout"},
    }


def _routes(upstream: str) -> list[dict[str, Any]]:
    return [
        _function("api-key", upstream, {"apikey": "an-api-key-of-the-usual-length-of-40-signs"}),
        _function("sigv4", upstream, {"iam": _IAM}),
        {"id": "forward", "uri": "/forward", "upstream": {"nodes": {upstream: 1}}},
    ]


def _function(name: str, upstream: str, authorization: dict[str, Any]) -> dict[str, Any]:
    plugin = {
        "function_uri": f"http://{upstream}/{name}",
        "authorization": authorization,
        "keepalive_pool": _POOL,
    }
    return {"id": name, "uri": f"/{name}", "plugins": {"aws-lambda": plugin}}


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(value))
