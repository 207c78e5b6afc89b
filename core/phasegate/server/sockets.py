"""Listening sockets: one for each address and worker slot, opened and kept by the supervisor."""

from __future__ import annotations

import errno
import socket

from ..errors import StartupError


class Address:
    """One address that the gateway listens on, with a socket a slot; the kernel spreads connections over them.

    Raise StartupError when somebody else listens there, or the address is not this machine's.
    """

    def __init__(self, text: str) -> None:
        host, _, port = text.rpartition(":")
        try:
            found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except OSError as error:
            raise StartupError(f"can't listen on {text}: {error.strerror}") from error
        self._family: int = found[0][0]
        self._name = self._probe(text, found[0][4])
        self._sockets: dict[int, socket.socket] = {}

    @property
    def text(self) -> str:
        """The address as `host:port`, with the port that the system gave where 0 was asked for."""
        host, port = self._name[:2]
        return f"[{host}]:{port}" if self._family == socket.AF_INET6 else f"{host}:{port}"

    def open(self, slot: int) -> socket.socket:
        """Return the slot's socket, bound and not yet listening; the worker begins to listen when it is ready."""
        if slot not in self._sockets:
            sock = self._socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(self._name)
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
        if self._family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        return sock

    def _probe(self, text: str, name: tuple[object, ...]) -> tuple[object, ...]:
        """Bind once without SO_REUSEPORT: that fails beside a living listener, and not in TIME_WAIT's shadow."""
        with self._socket() as sock:
            try:
                sock.bind(name)
            except OSError as error:
                raise StartupError(_reason(text, error)) from error
            return sock.getsockname()  # type: ignore[no-any-return]


def _reason(text: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"can't listen on {text}: another program does; stop it or choose another port"
    if error.errno == errno.EACCES:
        return f"can't listen on {text}: no permission for that port; choose one over 1023"
    return f"can't listen on {text}: {error.strerror}"
