"""PEM texts for OpenSSL, which takes a certificate with its key from a file only."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def in_memory(text: str) -> Iterator[str]:
    """Yield the path of a file with that text in it that only this process has, and no disk."""
    descriptor = os.memfd_create("certificate")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(text.encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
