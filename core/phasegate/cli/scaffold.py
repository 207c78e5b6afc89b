"""A whole plugin package out of templates: every file, or none."""

from __future__ import annotations

import keyword
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from ..contract import NAME
from ..errors import CommandError
from ..forward import Forward
from ..registry import installed

KINDS = ("proxy", "access", "response", "faas", "auth")

_EVERY = "every"
_SUFFIX = ".template"
_LONGEST = 32


@dataclass(frozen=True, slots=True)
class Package:
    """A package to be: the files that it consists of, by their paths in it."""

    distribution: str
    files: Mapping[str, str]

    def write(self, folder: Path) -> Path:
        """Write it into a folder of its name below another, and return that. Raise CommandError where it is there already."""
        target = folder / self.distribution
        if target.exists() or target.is_symlink():
            raise CommandError(f"{target} is there already: remove it, or choose another name or folder")
        try:
            with tempfile.TemporaryDirectory(prefix=".phasegate-", dir=folder) as made:
                whole = Path(made) / self.distribution
                self._write_files(whole)
                whole.rename(target)
        except OSError as error:
            raise CommandError(f"{target} can't be written: {error.strerror}: give another folder by --into") from error
        return target

    def _write_files(self, whole: Path) -> None:
        for path, text in self.files.items():
            file = whole / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")


def package(name: str, kind: str) -> Package:
    """Return the package of a plugin of this name. Raise CommandError for a name that can't be one."""
    templates = dict(_templates(kind))
    words = {word for text in templates.values() for word in re.findall(r"\w+", text)}
    values = {
        "name": name,
        "distribution": f"phasegate-{name}",
        "module": f"phasegate_{_judged(name).replace('-', '_')}",
        "class_name": _class_name(name, words),
        **_versions(),
    }
    rendered = {
        path.replace("__module__", values["module"]): Template(text).substitute(values)
        for path, text in templates.items()
    }
    return Package(values["distribution"], rendered)


def _judged(name: str) -> str:
    if not NAME.fullmatch(name):
        raise CommandError(
            f"{name!r} is no name for a plugin: give lower-case words joined by -, such as request-quota"
        )
    if len(name) > _LONGEST:
        raise CommandError(f"{name!r} is longer than {_LONGEST} characters: choose a shorter name")
    if keyword.iskeyword(name) or keyword.iskeyword(_camel(name)):
        raise CommandError(f"{name!r} is a word of Python's own: choose another name, such as {name}-plugin")
    taken = [found.distribution for found in installed().get(name, ())] or (name == Forward.name and ["phasegate"])
    if taken:
        raise CommandError(f"{name!r} is a plugin of {taken[0]} already: choose another name")
    return name


def _class_name(name: str, words: set[str]) -> str:
    """Return the name in capitals; where the templates use that for something else, with `Plugin` behind it."""
    found = _camel(name)
    while found in words:
        found += "Plugin"
    return found


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))


def _versions() -> dict[str, str]:
    """Return the versions of Phasegate that it is made for: this one and those that may not break it."""
    major, minor = version("phasegate").split(".")[:2]
    following = f"{int(major) + 1}" if int(major) else f"0.{int(minor) + 1}"
    return {"version": version("phasegate"), "next_version": following}


def _templates(kind: str) -> Iterator[tuple[str, str]]:
    root = files(__package__) / "templates"
    for part in (_EVERY, kind):
        yield from _inside(root / part, "")


def _inside(folder: Traversable, path: str) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        where = f"{path}{entry.name}"
        if entry.is_dir():
            yield from _inside(entry, f"{where}/")
        elif where.endswith(_SUFFIX):
            yield where.removesuffix(_SUFFIX), entry.read_text(encoding="utf-8")
