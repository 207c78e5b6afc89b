"""A certificate for 127.0.0.1, and the authority that signed it, for peers and upstreams that speak TLS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files: the authority's certificate, the server's chain, and its key."""

    authority: Path
    chain: Path
    key: Path

    @classmethod
    def make(cls, folder: Path) -> Certificates:
        """Make them in a folder."""
        made = cls(folder / "ca.pem", folder / "chain.pem", folder / "key.pem")
        authority = trustme.CA()
        server = authority.issue_cert("127.0.0.1", "localhost")
        authority.cert_pem.write_to_path(str(made.authority))
        server.private_key_pem.write_to_path(str(made.key))
        for number, part in enumerate(server.cert_chain_pems):
            part.write_to_path(str(made.chain), append=number > 0)
        return made
