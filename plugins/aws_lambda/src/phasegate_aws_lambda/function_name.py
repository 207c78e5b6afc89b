"""What function a route calls: a name, `name:alias`, a partial or full ARN, perhaps with parts that the request fills in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple

from phasegate import Headers

# "FunctionName" of the Invoke operation (Lambda API reference).
_NAME = re.compile(
    r"(?:arn:(?P<partition>aws[a-z-]*):lambda:)?(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-[0-9]):)?"
    r"(?:[0-9]{12}:)?(?:function:)?(?P<name>[A-Za-z0-9_.-]+)(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[A-Za-z0-9_-]+))?"
)
_LONGEST = 256
_PLACEHOLDER = re.compile(r"\{(?P<source>path|header)\.(?P<name>[A-Za-z0-9_-]+)\}")
# What may stand for a placeholder: nothing that a name gets another part by.
_VALUE = re.compile(r"[A-Za-z0-9_-]{1,64}")
# "TenantId" there, which has no parts.
TENANT = re.compile(r"[a-zA-Z0-9._:/=+\-@ ]{1,256}")


class FunctionName(NamedTuple):
    """A function's name taken apart: `text` is what goes on the wire."""

    text: str
    region: str | None
    qualifier: str | None

    @classmethod
    def parse(cls, text: str) -> FunctionName:
        """Take a name apart. Raise ValueError for what AWS would not take."""
        match = _NAME.fullmatch(text)
        if match is None or len(text) > _LONGEST or (match["region"] and not match["partition"]):
            raise ValueError("must be a function's name, name:alias, or an ARN")
        return cls(text, match["region"], match["qualifier"])


@dataclass(frozen=True, slots=True)
class Template:
    """Text with `{path.NAME}` for a parameter of the route and `{header.NAME}` for a header of the request, each of these
    a value that matches `values`.
    """

    text: str
    values: re.Pattern[str] = _VALUE

    @property
    def varies(self) -> bool:
        """Whether anything of it comes from the request."""
        return _PLACEHOLDER.search(self.text) is not None

    @property
    def sample(self) -> str:
        """The text with something harmless for each placeholder, to be judged when it is loaded."""
        return _PLACEHOLDER.sub("x", self.text)

    def filled(self, params: Mapping[str, str], headers: Headers) -> str:
        """Return the text for a request. Raise ValueError where it lacks a value, or has one that can't stand there."""

        def value(match: re.Match[str]) -> str:
            name = match["name"]
            found = headers.get_all(name) if match["source"] == "header" else [params.get(name, "")]
            if len(found) != 1 or not self.values.fullmatch(found[0]):
                raise ValueError(f"{match[0]} can't be {' and '.join(map(repr, found)) or 'missing'}"[:_LONGEST])
            return found[0]

        return _PLACEHOLDER.sub(value, self.text)


def is_allowed(name: str, allowed: tuple[str, ...]) -> bool:
    """Tell whether a name is one of those allowed, in which `*` stands for any text."""
    return any(fnmatchcase(name, pattern) for pattern in allowed)
