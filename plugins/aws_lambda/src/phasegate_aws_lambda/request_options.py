"""The options that describe a request, as curl has them."""

from __future__ import annotations

from pathlib import Path

import click


def field(_ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]) -> list[tuple[bytes, bytes]]:
    """Read `NAME: VALUE`, as curl's option takes it."""
    fields = [(name.strip().lower(), colon, value.strip()) for name, colon, value in (t.partition(":") for t in texts)]
    if not all(name and colon and f"{name}{value}".isprintable() for name, colon, value in fields):
        raise click.BadParameter("a header is written as 'Name: value'")
    return [(name.encode(), value.encode()) for name, _, value in fields]


def data(_ctx: click.Context, _param: click.Parameter, text: str) -> bytes:
    """Read text, or with `@` before it the file of that name."""
    if not text.startswith("@"):
        return text.encode()
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise click.BadParameter(f"{text[1:]} can't be read: {error.strerror}") from error
