"""Which addresses a host name stands for at the moment."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

from aiohappyeyeballs import AddrInfoType

# As long as aiohttp and many resolvers keep one by default: services move their addresses behind names that live a minute.
_KEPT_SECONDS = 10.0


class Names:
    """Resolves names by the system's resolver, in a thread. An answer is kept for 10 seconds, and asked for once at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._known: dict[tuple[str, int], tuple[float, list[AddrInfoType]]] = {}
        self._asking: dict[tuple[str, int], asyncio.Task[list[AddrInfoType]]] = {}

    async def addresses(self, host: str, port: int) -> list[AddrInfoType]:
        """Return the addresses of a name or an address, each time another one first. Raise OSError where there is none."""
        literal = _literal(host, port)
        if literal is not None:
            return [literal]
        key = (host, port)
        until, found = self._known.get(key, (0.0, []))
        if until <= self._loop.time():
            found = await self._ask(key)
        found.append(found.pop(0))
        return list(found)

    async def _ask(self, key: tuple[str, int]) -> list[AddrInfoType]:
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = self._loop.create_task(self._look_up(key))
            asking.add_done_callback(lambda _: self._asking.pop(key))
        # Whoever gives up waiting does not end it for the others.
        return await asyncio.shield(asking)

    async def _look_up(self, key: tuple[str, int]) -> list[AddrInfoType]:
        try:
            found = await self._loop.getaddrinfo(*key, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        except UnicodeError as error:
            # Of labels that are empty or too long Python's own codec says so, before any resolver is asked.
            raise OSError(f"{key[0]!r} can be no name") from error
        now = self._loop.time()
        self._known = {other: known for other, known in self._known.items() if known[0] > now}
        addresses: list[AddrInfoType] = [
            (family, kind, proto, "", address) for family, kind, proto, _, address in found
        ]
        self._known[key] = now + _KEPT_SECONDS, addresses
        return addresses


def _literal(host: str, port: int) -> AddrInfoType | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port)
