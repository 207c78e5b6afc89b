"""The table of the Admin API's operations, from which its description is made."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .kinds import KINDS, Kind

# What a write may be refused with beyond 400: missing, changed by others, not as expected, no store.
_WRITE = (404, 409, 412, 503)
_WRITING = ("dry_run", "wait", "If-Match", "If-None-Match")
_LISTING = ("page", "page_size", "name", "uri", "label", "filter")


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb on one path below the prefix.

    `answers` names the schema of the body for each status that is no refusal, empty for no body; `refusals` has the statuses
    of those beyond 400, 401 and 429, which everything may be refused with. `parameters` are query arguments and headers, `body` is the schema of
    what is sent.
    """

    verb: str
    path: str
    summary: str
    answers: Mapping[int, str]
    refusals: tuple[int, ...] = ()
    parameters: tuple[str, ...] = ()
    body: str = ""
    tag: str = field(default="gateway", kw_only=True)

    @property
    def id(self) -> str:
        """A name that no other operation has, for generated clients."""
        return f"{self.verb}_{re.sub('[^a-z]+', '_', self.path.replace('{', 'by_')).strip('_')}"

    @property
    def arguments(self) -> list[str]:
        """The names in the path's braces."""
        return re.findall(r"\{(\w+)\}", self.path)

    def of(self, kind: Kind) -> Operation:
        """Return the operation for a kind, whose names it has in angle brackets."""
        list_, item = _paths(kind)
        names = {"list": list_, "item": item, "noun": kind.noun, "kind": kind.name, "schema": schema_name(kind)}

        def named(text: str) -> str:
            return re.sub("<([a-z]+)>", lambda match: names[match[1]], text)

        path = named(self.path)
        return dataclasses.replace(
            self,
            path=path,
            refusals=tuple(status for status in self.refusals if status != 404 or "{" in path),
            summary=named(self.summary),
            answers={status: named(name) for status, name in self.answers.items()},
            body=named(self.body),
            tag=kind.name,
        )


def schema_name(kind: Kind) -> str:
    """Return what the schema of a kind is called in the description."""
    return "".join(word.title() for word in kind.noun.split())


def operations() -> Iterator[Operation]:
    """Yield every operation: those of each kind, then all others."""
    for kind in KINDS.values():
        for template in _OF_A_KIND if kind.built else (_NOTHING,):
            if _has(kind, template):
                yield template.of(kind)
    yield from _OTHERS


def _has(kind: Kind, template: Operation) -> bool:
    if template.verb == "put" and template.path == "<list>":
        return kind.name != "credentials"
    return template.verb != "post" or kind.posts


def _paths(kind: Kind) -> tuple[str, str]:
    match kind.name:
        case "consumers":
            return "/consumers", "/consumers/{username}"
        case "credentials":
            return "/consumers/{username}/credentials", "/consumers/{username}/credentials/{id}"
        case "plugin_metadata":
            return "/plugin_metadata", "/plugin_metadata/{plugin}"
        case "secrets":
            return "/secrets", "/secrets/{manager}/{id}"
    return f"/{kind.name}", f"/{kind.name}/{{id}}"


_WRITTEN = {200: "<schema>Written"}
_CREATED = {201: "<schema>Written"}
_BOTH = _WRITTEN | _CREATED
_OF_A_KIND = (
    Operation("get", "<list>", "List every <noun>", {200: "<schema>List"}, (404,), _LISTING),
    Operation("post", "<list>", "Create a <noun> under an id of ours", _CREATED, _WRITE, _WRITING, "<schema>"),
    Operation("put", "<list>", "Create or replace a <noun>, its body naming it", _BOTH, _WRITE, _WRITING, "<schema>"),
    Operation("get", "<item>", "Read a <noun>", {200: "<schema>Entry"}, (404,)),
    Operation("put", "<item>", "Create or replace a <noun>", _BOTH, _WRITE, _WRITING, "<schema>"),
    Operation("patch", "<item>", "Merge into a <noun>", _WRITTEN, _WRITE, _WRITING, "Patch"),
    Operation("patch", "<item>/{key}", "Replace a key of a <noun>", _WRITTEN, _WRITE, _WRITING, "Anything"),
    Operation("delete", "<item>", "Delete a <noun>", {200: "Deleted"}, _WRITE, ("force", *_WRITING)),
)
_NOTHING = Operation("get", "<list>", "List every <noun>: this version has none", {200: "Empty"})
_SCHEMA = ("schema_type", "subsystem")
_PAST = ("before", "limit")
_OUTCOME = {200: "Outcome"}
_CHANGING = (404, 409, 503)
_CHANGE = ("dry_run", "details", "wait", "If-Match")
_OTHERS = (
    Operation("get", "/openapi.json", "Read this description", {200: "Object"}),
    Operation("get", "/plugins", "Read everything about every plugin", {200: "PluginMap"}, (), ("subsystem", "all")),
    Operation("get", "/plugins/list", "List the enabled plugins, highest priority first", {200: "PluginNames"}),
    Operation("get", "/plugins/{plugin}", "Read a plugin's schema", {200: "JSONSchema"}, (404,), _SCHEMA),
    Operation("put", "/plugins/reload", "Do nothing, since plugins are Python packages: see SIGHUP", {200: "Done"}),
    Operation("get", "/schema/{type}", "Read the schema of a kind of resource", {200: "JSONSchema"}),
    Operation("get", "/schema/plugins/{plugin}", "Read a plugin's schema", {200: "JSONSchema"}, (404,), _SCHEMA),
    Operation(
        "post", "/schema/validate/{type}", "Judge a resource, and store nothing", {200: ""}, (404,), (), "Object"
    ),
    Operation(
        "post", "/configs/validate", "Judge a configuration, and store nothing", {200: ""}, (), (), "Configuration"
    ),
    Operation("get", "/revisions", "List what was changed, newest first", {200: "RevisionList"}, (503,), _PAST),
    Operation("get", "/revisions/{number}", "Read a change, secrets masked", {200: "Revision"}, (404, 503)),
    Operation(
        "post", "/revisions/{number}/rollback", "Go back to a revision", _OUTCOME, _CHANGING, ("dry_run", "wait")
    ),
    Operation("post", "/explain", "Explain a request", {200: "Explanation"}, (), ("dry_run",), "Explain"),
    Operation(
        "post",
        "/explain/tokens",
        "Make a token that has requests explained",
        {201: "ExplainToken"},
        (),
        (),
        "TokenWish",
    ),
    Operation("get", "/explain/requests/{request}", "Read what a token led to", {200: "Explanation"}, (404, 503)),
    Operation("get", "/changes", "Read every resource at one revision", {200: "Whole"}, (), ("secrets",)),
    Operation("post", "/changes", "Make many changes, all or none", _OUTCOME, _WRITE, _CHANGE, "Changes"),
)
