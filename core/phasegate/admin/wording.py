"""Findings in the words that clients of APISIX's Admin API look for, our own remedy after them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import Finding
from ..store.records import Key

_MOST = 20
_PLUGIN = re.compile(r"plugins\.([^.\[]+)\.?(.*)", re.DOTALL)
_MISSING = re.compile(r"there is no (upstream|service|plugin config|group|consumer group|ssl) '([^']*)'(.*)", re.DOTALL)
_BESIDE = re.compile(r"stands beside (\w+): give one of them")
_HOLDER = re.compile(r"is the key of consumer '([^']*)' too(.*)", re.DOTALL)
_OTHER_HOLDER = re.compile(r"(?:consumers|credentials)/([^./]+)")
_UNKNOWN = re.compile(r"unknown plugin '([^']*)'; (.*)", re.DOTALL)
_DISABLED = re.compile(r"plugin '([^']*)' is (installed but not enabled.*)", re.DOTALL)
_LATER = ("is not available in this version", "is not supported in this version")


def error_msg(findings: Iterable[Finding], keys: Iterable[Key]) -> str:
    """Return one sentence on each finding; paths are within the resources of `keys`, those of others are whole."""
    prefixes = sorted((f"{kind}/{id_}" for kind, id_ in keys), key=len, reverse=True)
    sentences = list(dict.fromkeys(_sentence(finding, prefixes) for finding in findings if finding.level == "error"))
    more = f"; and {len(sentences) - _MOST} more" if len(sentences) > _MOST else ""
    return "; ".join(sentences[:_MOST]) + more


def _sentence(finding: Finding, prefixes: list[str]) -> str:
    path, owner = finding.path, ""
    if (
        (other := _OTHER_HOLDER.match(path))
        and _HOLDER.fullmatch(finding.message)
        and not path.startswith(tuple(prefixes))
    ):
        return f"duplicate key found with consumer: {other[1]}; {path} is the same: give each its own"
    for prefix in prefixes:
        if path == prefix or path.startswith((f"{prefix}.", f"{prefix}[")):
            path = path[len(prefix) :].lstrip(".")
            owner = "" if len(prefixes) == 1 else f"{prefix}: "
            break
    else:
        # It stands in a resource that was not written, such as one of the file; some sentences do not say where.
        owner = f"{path}: " if path.endswith("_id") or _strange(finding.message) else ""
    return owner + worded(Finding(path, finding.message))


def worded(finding: Finding) -> str:
    """Return a finding, its path within the resource, as APISIX would say it."""
    message = finding.message.replace(*_LATER)
    if match := _strange(message):
        return f"unknown plugin [{match[1]}]: {match[2]}"
    if match := _PLUGIN.fullmatch(finding.path):
        return _of_plugin(match[1], match[2], message)
    if (match := _MISSING.match(message)) and finding.path.endswith("_id"):
        return missing(match[1], match[2]) + match[3]
    if match := _BESIDE.fullmatch(message):
        return f"only one of {finding.path} or {match[1]} is allowed"
    return f"invalid configuration: {_property(finding.path, message)}"


def _strange(message: str) -> re.Match[str] | None:
    """Return the parts of a message on a plugin that this node does not have."""
    return _UNKNOWN.fullmatch(message) or _DISABLED.fullmatch(message)


def missing(noun: str, id_: str) -> str:
    """Return what is said of a reference that leads nowhere."""
    noun = "consumer group" if noun == "group" else noun
    return f"failed to fetch {noun} info by {noun} id [{id_}], response code: 404"


def _of_plugin(name: str, path: str, message: str) -> str:
    if match := _HOLDER.fullmatch(message):
        return f"duplicate key found with consumer: {match[1]}; plugins.{name}.{path}{match[2]}"
    if message.startswith("stands in global_rules/"):
        return f"plugin [{name}] {message}"
    return f"failed to check the configuration of plugin {name} err: {_property(path, message)}"


def _property(path: str, message: str) -> str:
    if not path:
        return message
    if message.startswith("is required"):
        message = f'property "{path}" {message}'
    return f'property "{path}" validation failed: {message}'
