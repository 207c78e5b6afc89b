"""The key ring: a file of keys that only its owner may read. The first key seals, all of them open."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..errors import StartupError

MARK = "$sealed:"
_HEAD = (
    "# Phasegate's keys for the secrets in its store. The first one seals, all of them open.\n"
    "# Every node of the store needs this very file; who reads it reads the secrets.\n"
)
_SEALED = re.compile(r"\$sealed:([0-9a-f]{8}):([A-Za-z0-9+/]+={0,2})")
_LINE = re.compile(r"([0-9a-f]{8}) ([A-Za-z0-9+/]{43}=)")
_KEY_BYTES = 32
# NIST SP 800-38D section 8.3: random nonces of 96 bits are good for 2^32 messages under one key.
_NONCE_BYTES = 12


class KeyMissing(StartupError):
    """Something is sealed with a key that the ring lacks."""


class SealBroken(StartupError):
    """A sealed value does not open with its key: it was altered, or moved from where it was sealed."""


class KeyRing:
    """The keys of one file, AES-256 each, the newest first.

    A key's id follows from the key, so that a line that was damaged on its way to another node is noticed. Raise
    StartupError for a file that others may read, and for one that is no key ring.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._keys: dict[str, AESGCM] = {}
        self.reload()

    @classmethod
    def make(cls, path: Path) -> KeyRing:
        """Return a ring with one new key in a new file; of a file that somebody else made meanwhile, theirs."""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StartupError(f"the key ring's folder {path.parent} can't be made: {error.strerror}") from error
        with _locked(path.parent):
            if not os.path.lexists(path):
                _write(path, [_line(_new_key())])
        return cls(path)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its keys, the newest first."""
        return tuple(self._keys)

    @property
    def newest(self) -> str:
        """The id of the key that seals."""
        return self.ids[0]

    def reload(self) -> None:
        """Read the file again. Raise StartupError, and keep the keys, where it can't be."""
        self._keys = {key_id: AESGCM(key) for key_id, key in _read(self.path)}

    def rotate(self) -> str:
        """Add a key, which seals from now on, and return its id. A link stays one, and the file its owner's."""
        path = Path(os.path.realpath(self.path))
        with _locked(path.parent):
            keys = [_new_key(), *(key for _, key in _read(path))]
            _write(path, [_line(key) for key in keys])
        self.reload()
        return self.newest

    def seal(self, plain: bytes, context: bytes) -> str:
        """Return text that `open` takes, in the same context alone."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._keys[self.newest].encrypt(nonce, plain, context)
        return f"{MARK}{self.newest}:{base64.b64encode(sealed).decode()}"

    def open(self, text: str, context: bytes) -> bytes:
        """Return what was sealed. Raise KeyMissing, or SealBroken where text or context are not what they were.

        For a key that it does not know the file is looked at again: somebody may have copied a newer one there.
        """
        match = _SEALED.fullmatch(text)
        if match is None:
            raise SealBroken("is no sealed value, though it begins like one")
        key_id, sealed = match.group(1), _decoded(match.group(2))
        if key_id not in self._keys:
            self.reload()
        # Another thread may read the ring meanwhile.
        key = self._keys.get(key_id)
        if key is None:
            raise KeyMissing(
                f"is sealed with key {key_id}, which {self.path} lacks: copy that file from a node of the store that has it"
            )
        try:
            return key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
        except (InvalidTag, ValueError) as error:
            raise SealBroken(f"does not open with key {key_id}: it was altered, or moved here") from error


def key_of(text: str) -> str:
    """Return the id of the key that a value was sealed with, empty for one that is not sealed."""
    match = _SEALED.fullmatch(text)
    return match.group(1) if match else ""


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise SealBroken("is no sealed value, though it begins like one") from error


def _new_key() -> bytes:
    return secrets.token_bytes(_KEY_BYTES)


def _line(key: bytes) -> str:
    return f"{_id(key)} {base64.b64encode(key).decode()}\n"


def _id(key: bytes) -> str:
    return hashlib.blake2b(key, digest_size=4, person=b"phasegate-key-id").hexdigest()


def _read(path: Path) -> list[tuple[str, bytes]]:
    """Return the keys of a file with their ids."""
    try:
        with path.open(encoding="ascii") as stream:
            mode = os.fstat(stream.fileno()).st_mode & 0o777
            if mode & 0o077:
                raise StartupError(f"{path} can be read by others (mode {mode:04o}): chmod 600 {path}")
            lines = list(enumerate(stream, 1))
    except FileNotFoundError as error:
        raise StartupError(
            f"there is no key ring {path}: one is made when a gateway first starts with a store"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"the key ring {path} can't be read: {type(error).__name__}") from error
    keys = [_parsed(line, f"{path}:{number}") for number, line in lines if line.strip() and not line.startswith("#")]
    if not keys:
        raise StartupError(f"the key ring {path} holds no key: copy it from another node, or from a backup")
    return keys


def _parsed(line: str, where: str) -> tuple[str, bytes]:
    match = _LINE.fullmatch(line.strip())
    key = base64.b64decode(match.group(2)) if match else b""
    if match is None or match.group(1) != _id(key):
        raise StartupError(f"{where}: is no key with its id: copy the file again, from another node or a backup")
    return match.group(1), key


def _write(path: Path, lines: list[str]) -> None:
    """Put a file in its place whole: a crash leaves the old one or the new one."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=".keyring-", dir=path.parent)  # mode 0600
    except OSError as error:
        raise StartupError(f"the key ring {path} can't be written: {error.strerror}") from error
    try:
        with open(descriptor, "w", encoding="ascii") as stream:  # noqa: PTH123 (a descriptor has no path)
            stream.write(_HEAD + "".join(lines))
            stream.flush()
            _keep_owner(descriptor, path)
            os.fsync(descriptor)
        Path(name).replace(path)
    except OSError as error:
        raise StartupError(f"the key ring {path} can't be written: {error.strerror}") from error
    finally:
        Path(name).unlink(missing_ok=True)


def _keep_owner(descriptor: int, path: Path) -> None:
    """Give a new file to the owner of the one that it replaces: what root rotates, the gateway's user reads."""
    if path.exists() and (old := path.stat()).st_uid != os.geteuid():
        os.fchown(descriptor, old.st_uid, old.st_gid)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep others from making or rotating a ring in the folder; its entries are on disk when this ends."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise StartupError(f"the key ring's folder {folder} can't be used: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
