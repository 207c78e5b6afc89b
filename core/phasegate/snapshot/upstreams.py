"""From an upstream's document to the model: nodes in either notation, scheme, host and timeouts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..environment import shown
from ..errors import Finding
from ..model import Keepalive, Node, Timeouts, Upstream, UpstreamTLS
from ..schema import Schema
from ..upstream.tls import client_context

_NODE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_EXPECTED = "must be a host with its port, such as 127.0.0.1:1980 (got {})"


def upstream_of(
    value: Mapping[str, Any], id_: str, path: str, node_schema: Schema
) -> tuple[Upstream | None, list[Finding]]:
    """Return the upstream that a judged document describes, and what is wrong with it."""
    nodes: list[Node] = []
    findings: list[Finding] = []
    for found in _nodes(value["nodes"], f"{path}.nodes", node_schema):
        (findings if isinstance(found, Finding) else nodes).append(found)  # type: ignore[arg-type]
    if not value["nodes"]:
        findings.append(Finding(f"{path}.nodes", "must name at least one node, as in {127.0.0.1:1980: 1}"))
    rewrites = value["pass_host"] == "rewrite"  # noqa: S105
    if rewrites and "upstream_host" not in value:
        findings.append(Finding(f"{path}.upstream_host", "is required with pass_host: rewrite"))
    tls = _tls(value.get("tls"), f"{path}.tls", findings)
    if findings:
        return None, findings
    timeout, kept = value.get("timeout"), value.get("keepalive_pool")
    upstream = Upstream(
        id=id_,
        nodes=tuple(nodes),
        scheme=value["scheme"],
        pass_host=value["pass_host"],
        upstream_host=value.get("upstream_host"),
        timeouts=Timeouts(**timeout) if timeout else Timeouts(),
        retries=value.get("retries"),
        retry_timeout=value["retry_timeout"],
        keepalive=Keepalive(**kept) if kept else Keepalive(),
        tls=tls,
    )
    return upstream, []


def _tls(value: Mapping[str, Any] | None, path: str, findings: list[Finding]) -> UpstreamTLS:
    """Return what an upstream's `tls` asks for, and note what is wrong with it; no finding shows what it holds."""
    if value is None:
        return UpstreamTLS()
    cert, key = value.get("client_cert"), value.get("client_key")
    for name, other in (("client_cert", "client_key"), ("client_key", "client_cert")):
        if name in value and other not in value:
            findings.append(Finding(f"{path}.{other}", f"is required beside {name}"))
    tls = UpstreamTLS(value["verify"], value.get("ca"), f"{cert}\n{key}\n" if cert and key else None)
    for part in (replace(tls, certificate=None), tls):
        try:
            client_context(part)
        except (OSError, ValueError) as error:
            wrong = "ca" if part.certificate is None else "client_cert"
            reason = getattr(error, "reason", None) or "no PEM"
            findings.append(Finding(f"{path}.{wrong}", f"is not taken by OpenSSL: {reason}"))
            break
    return tls


def _nodes(value: object, path: str, schema: Schema) -> Iterator[Node | Finding]:
    if isinstance(value, Mapping):
        for name, weight in value.items():
            yield _named_node(name, weight, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _listed_node(item, f"{path}[{index}]", schema)


def _named_node(name: object, weight: object, path: str) -> Node | Finding:
    match = _NODE.fullmatch(str(name))
    if match is None or int(match.group(2) or 1) not in range(1, 65536):
        return Finding(path, _EXPECTED.format(shown(name)))
    if isinstance(weight, bool) or not isinstance(weight, int) or weight < 0:
        return Finding(path, f"must be a weight of 0 or more (got {shown(weight)})")
    host, port = match.groups()
    return Node(host, int(port) if port else None, weight)


def _listed_node(item: object, path: str, schema: Schema) -> Iterator[Node | Finding]:
    value, findings = schema.validate(item, path)
    yield from findings
    if findings:
        return
    if not _NODE.fullmatch(value["host"]) and ":" not in value["host"]:
        yield Finding(f"{path}.host", f"must be a host name or address (got {shown(value['host'])})")
        return
    yield Node(value["host"], value.get("port"), value["weight"])
