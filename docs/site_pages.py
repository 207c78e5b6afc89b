"""What `make docs` does on the way from the pages to the site: the reference is made of the schemas, plugin by plugin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from phasegate.cli.reference import keys_of, reference
from phasegate.registry import Registry, installed
from phasegate.schema.resources import KINDS, PLUGIN_META
from phasegate.settings import DEFINITION

_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]+\)")
_GATEWAY, _RESOURCES = "reference/gateway.md", "reference/resources.md"


def on_config(config: MkDocsConfig) -> None:
    """Put the reference into the menu."""
    plugins = [_path_of(name) for name in installed()]
    config.nav = [*(config.nav or []), {"Reference": [_GATEWAY, _RESOURCES, {"Plugins": plugins}]}]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages of the reference."""
    for path, text in _pages():
        files.append(File.generated(config, path, content=text))


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Leave links to the repository's other files out: the site has the docs alone."""
    return markdown if page.file.generated_by else _OUTSIDE.sub(r"\1", markdown)


def _pages() -> Iterator[tuple[str, str]]:
    yield _GATEWAY, f"# gateway.yaml\n\n[Configuration](../configuration.md) tells more.\n\n{keys_of(DEFINITION)}\n"
    parts = [f"## {kind}\n\n{keys_of(definition)}" for kind, definition in KINDS.items()]
    parts.append(f"## _meta\n\nWhat any plugin's configuration may hold, too.\n\n{keys_of(PLUGIN_META)}")
    yield _RESOURCES, "\n\n".join(["# Resources", "[Configuration](../configuration.md) tells more.", *parts])
    for name, (source, *_rest) in installed().items():
        yield _path_of(name), reference(Registry.load([name]).classes[name], source)


def _path_of(plugin: str) -> str:
    return f"reference/plugins/{plugin}.md"
