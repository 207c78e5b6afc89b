"""What a connection's client had to prove by its certificate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClientRule:
    """Who signs the certificates of the clients that a name is for; equal rules ask for the same proof.

    `authorities` are the SHA-256 digests of the trusted certificates; `depth` is how many others may stand between one of
    them and the client's, None for any number.
    """

    authorities: frozenset[bytes]
    depth: int | None = None
