"""Listening sockets: one for each address and worker slot, opened and kept by the supervisor."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterable

from ..errors import StartupError

_KEEPALIVE = {socket.TCP_KEEPIDLE: 60, socket.TCP_KEEPINTVL: 15, socket.TCP_KEEPCNT: 4}
BACKLOG = 1024
"""How many connections wait to be accepted before the kernel refuses more."""
_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 (compared with, not bound to)


class Address:
    """One address that the gateway listens on, with a socket a slot; the kernel spreads connections over them.

    Raise StartupError when it can't be: somebody else listens there, or it is not this machine's. Until `release` nobody
    else can take it.
    """

    def __init__(self, text: str) -> None:
        host, _, port = text.rpartition(":")
        try:
            found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except OSError as error:
            raise StartupError(f"can't listen on {text}: {error.strerror}") from error
        self.given = text
        self._family: int = found[0][0]
        self._probe = self._socket()
        try:
            # Without SO_REUSEPORT this fails beside a living listener, and with SO_REUSEADDR not in TIME_WAIT's shadow.
            self._probe.bind(found[0][4])
        except OSError as error:
            self._probe.close()
            raise StartupError(_reason(text, error)) from error
        self._name = self._probe.getsockname()
        self._sockets: dict[int, socket.socket] = {}

    @property
    def text(self) -> str:
        """The address as `host:port`, with the port that the system gave where 0 was asked for."""
        host, port = self._name[:2]
        return f"[{host}]:{port}" if self._family == socket.AF_INET6 else f"{host}:{port}"

    def overlaps(self, text: str) -> bool:
        """Tell whether another address would get this one's connections, or the other way round."""
        host, _, port = text.rpartition(":")
        if int(port) != self._name[1]:
            return False
        with contextlib.suppress(OSError):
            names = {entry[4][0] for entry in socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)}
            return bool(names & {self._name[0], *_WILDCARDS}) or self._name[0] in _WILDCARDS
        return False

    def release(self) -> None:
        """Give up what was held while addresses were compared."""
        self._probe.close()

    def open(self, slot: int) -> socket.socket:
        """Return the slot's socket, bound and not yet listening; the worker begins to listen when it is ready.

        Raise OSError where another program has taken the port while no slot had a socket.
        """
        if slot not in self._sockets:
            sock = self._socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            try:
                sock.bind(self._name)
            except OSError:
                sock.close()
                raise
            self._sockets[slot] = sock
        return self._sockets[slot]

    def close(self, slot: int) -> None:
        """Close the slot's socket, so that new connections go to the other slots."""
        sock = self._sockets.pop(slot, None)
        if sock is not None:
            sock.close()

    def close_all(self) -> None:
        """Close every slot's socket."""
        for slot in list(self._sockets):
            self.close(slot)

    def _socket(self) -> socket.socket:
        sock = socket.socket(self._family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # What is accepted inherits these: a client that is gone without a word is found out, on a silent WebSocket too.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE.items():
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
        if self._family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        return sock


def reserve(texts: Iterable[str]) -> list[Address]:
    """Return the addresses, each of them free and none in another's way. Raise StartupError otherwise."""
    addresses: list[Address] = []
    try:
        for text in texts:
            other = next((address for address in addresses if address.overlaps(text)), None)
            if other is not None:
                raise StartupError(
                    f"can't listen on {text}: {other.given} is the same port of this machine; change one"
                )
            addresses.append(Address(text))
    finally:
        for address in addresses:
            address.release()
    return addresses


def _reason(text: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"can't listen on {text}: another program does; stop it or choose another port"
    if error.errno == errno.EACCES:
        return f"can't listen on {text}: no permission for that port; choose one over 1023"
    return f"can't listen on {text}: {error.strerror}"
