"""A TLS connection from its acceptance to the end of its handshake: the certificate is chosen before that begins.

Swapping the context in OpenSSL's callback for the name would not do: whether a client must show a certificate does not come
with it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, Any

from ..http.client_rule import ClientRule
from .client_hello import LONGEST_BYTES, ClientHello
from .connection import NEVER
from .opening import Opening

if TYPE_CHECKING:
    from .listener import Listener

# The connection itself cuts a client that takes nothing more: here one that takes its time would be cut, too.
_SHUTDOWN_SECONDS = 86_400.0
_SHORTEST_SECONDS = 0.001


class Handshake:
    """A connection whose client has yet to say which name it wants, or to finish its TLS handshake.

    The name is looked at without being taken out of the socket, so that the handshake finds it there.
    """

    __slots__ = (
        "__weakref__",
        "_hello",
        "_listener",
        "_making",
        "_opening",
        "_over",
        "_own",
        "_sock",
        "_until",
        "address",
        "deadline",
        "rule",
    )

    def __init__(self, listener: Listener, sock: socket.socket, address: str, own: ssl.SSLContext) -> None:
        self.address = address
        self.rule: ClientRule | None = None
        """What the client has to prove, and has proven once the connection is made."""
        self._until = self.deadline = listener.loop.time() + listener.limits.handshake_timeout
        self._listener = listener
        self._sock = sock
        self._own = own
        self._hello = ClientHello()
        self._making: asyncio.Task[Any] | None = None
        self._opening = Opening(listener, self)
        self._over = False

    def begin(self) -> None:
        """Wait until the client has said what it wants; whoever is one too many is told so over TLS."""
        if self._listener.roster.admit(self) and self._listener.certificates():
            self._listener.knocks.await_on(self._sock, self._look)
        else:
            self._make(self._own)

    # What the roster calls.

    def overdue(self, now: float) -> None:
        """Close: the client takes too long."""
        self.abort()

    def drain(self, deadline: float) -> None:
        """Go on until `deadline`."""
        self.deadline = min(self.deadline, deadline)

    def abort(self) -> None:
        """Close at once."""
        if self._making is not None:
            self._making.cancel()
        else:
            self._listener.knocks.forget(self._sock)
            self._give_up()

    # What the connection that was made calls.

    def give_way_to(self, opening: Opening) -> bool:
        """Let the connection stand where its handshake stood; tell whether there was room for it."""
        self._over = True
        return self._listener.roster.replace(self, opening)

    def accepts_chain_of(self, secure: Any) -> bool:
        """Tell whether the client's chain is as short as the rule asks."""
        if self.rule is None or self.rule.depth is None:
            return True
        # Public since Python 3.13 only.
        chain = secure._sslobj.get_verified_chain()  # noqa: SLF001
        # The client's own and the trusted one are not counted.
        return bool(chain) and len(chain) - 2 <= self.rule.depth

    # The rest is its own.

    def _look(self, gone: bool) -> None:  # noqa: FBT001 (a callback)
        """Look at what has come, and begin the handshake once the name is known or there will be none."""
        try:
            data = self._sock.recv(LONGEST_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            self.abort()
            return
        needed = self._hello.read(data)
        if needed and (gone or not data):
            self.abort()
        elif not needed:
            self._listener.knocks.forget(self._sock)
            self._choose()

    def _choose(self) -> None:
        name = self._hello.name
        entry = self._listener.certificates().find(name) if name else None
        if entry is None:
            self._make(self._own)
        else:
            self.rule = entry.rule
            self._make(entry.context)

    def _make(self, context: ssl.SSLContext) -> None:
        """Let the loop make the connection: from here on it watches the time."""
        listener, opening = self._listener, self._opening
        loop = listener.loop
        self.deadline = NEVER
        making = loop.connect_accepted_socket(
            lambda: opening,
            self._sock,
            ssl=context,
            ssl_handshake_timeout=max(self._until - loop.time(), _SHORTEST_SECONDS),
            ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        self._making = loop.create_task(making)
        listener.making.add(self._making)
        self._making.add_done_callback(self._made)

    def _made(self, task: asyncio.Task[Any]) -> None:
        self._listener.making.discard(task)
        if task.cancelled() or task.exception() is not None:  # a handshake that fails is nobody's concern
            self._give_up()

    def _give_up(self) -> None:
        if not self._over:
            self._over = True
            self._listener.roster.accepted.discard(self._opening)
            self._listener.roster.remove(self)
            self._sock.close()
