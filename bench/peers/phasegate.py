"""The gateway, as an operator runs it: its access log on, and three routes to the upstream."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ..child import ROOT
from ..credentials import ACCESS_KEY, API_KEY, REGION, SECRET_KEY, SERVICE
from ..scenario import Protocol
from .peer import KEPT, Peer, Setup, Site, free_port, python

_IAM = {"accesskey": ACCESS_KEY, "secretkey": SECRET_KEY, "service": SERVICE, "aws_region": REGION}
_FUNCTION_TIMEOUT_MS = 30_000
_FROM_ONE_ADDRESS = {"connections_per_address": 0}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a gateway holds beside the three routes: plugins that are enabled besides, and resources by kind."""

    plugins: Sequence[str] = ()
    resources: Mapping[str, Sequence[dict[str, Any]]] = dataclasses.field(default_factory=dict)


def start(
    site: Site, setup: Setup, *, limits: Mapping[str, int] = _FROM_ONE_ADDRESS, contents: Contents = Contents()
) -> Peer:
    """Start the gateway, with other limits than the defaults: by default any number of connections from one address."""
    name, port = setup.named("phasegate"), free_port()
    ports: dict[Protocol, int] = {"h1": port, "h2c": port}
    if setup.certificates is not None:
        ports["h1s"] = ports["h2s"] = free_port()
    folder = site.folder / name
    folder.mkdir()
    _write(folder / "gateway.yaml", {**_settings(setup, ports, contents), "limits": dict(limits)})
    resources = {kind: list(items) for kind, items in contents.resources.items()}
    _write(folder / "routes.yaml", {**resources, "routes": [*_routes(setup), *resources.get("routes", ())]})
    offered = ["env", f"PYTHONPATH={_path(site.folder)}"] if contents.plugins else []
    arguments = [*offered, *python(setup), "-m", "phasegate", "run", "--conf", str(folder)]
    child = site.children.start(name, arguments, setup.cores or site.cores.server)
    return Peer(
        name=name,
        summary=f"the gateway, {setup.workers_text}, uvloop, access log to a file every 50 ms",
        child=child,
        ports=ports,
        paths={"api-key": "/api-key", "sigv4": "/sigv4", "forward": "/forward"},
        access_log=child.stdout,
    )


def _settings(setup: Setup, ports: Mapping[Protocol, int], contents: Contents) -> dict[str, Any]:
    listen: list[dict[str, Any]] = [{"address": f"127.0.0.1:{ports['h1']}"}]
    if setup.certificates is not None:
        tls = {"cert": str(setup.certificates.chain), "key": str(setup.certificates.key)}
        listen.append({"address": f"127.0.0.1:{ports['h1s']}", "tls": tls})
    return {
        "listen": listen,
        "admin": {"address": f"127.0.0.1:{free_port()}"},
        "workers": setup.workers,
        "plugins": ["aws-lambda", *contents.plugins],
        "server": {"loop": "uvloop", "graceful_timeout": 5},
        "log": {"level": "info", "access": "stdout"},
    }


def _routes(setup: Setup) -> list[dict[str, Any]]:
    return [
        _function("api-key", setup, {"apikey": API_KEY}),
        _function("sigv4", setup, {"iam": _IAM}),
        {"id": "forward", "uri": "/forward", "upstream": upstream(setup)},
    ]


def upstream(setup: Setup) -> dict[str, Any]:
    """Return the upstream of a route."""
    return {"nodes": {setup.address: 1}, "scheme": setup.scheme, "pass_host": "node"}


def _function(name: str, setup: Setup, authorization: dict[str, Any]) -> dict[str, Any]:
    plugin = {
        "function_uri": f"{setup.upstream}/{name}",
        "authorization": authorization,
        "keepalive_pool": KEPT,
        "timeout": _FUNCTION_TIMEOUT_MS,
    }
    return {"id": name, "uri": f"/{name}", "plugins": {"aws-lambda": plugin}}


def _path(folder: Path) -> str:
    """Return where Python finds plugins that a distribution in this folder offers, and the benchmark itself."""
    return os.pathsep.join([str(ROOT), str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


def _write(path: Path, value: dict[str, Any]) -> None:
    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    path.write_text(yaml.dump(value, Dumper=dumper, sort_keys=False))
