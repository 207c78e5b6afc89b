"""The client's side of TLS to upstreams."""

from __future__ import annotations

import ssl
from functools import lru_cache

from ..http.pem import in_memory
from ..model import UpstreamTLS


@lru_cache(maxsize=64)
def client_context(tls: UpstreamTLS) -> ssl.SSLContext:
    """Return the context that is asked for; equal wishes share it, since to make one reads all of the system's authorities.

    Raise OSError or ValueError for authorities or a certificate that OpenSSL does not take.
    """
    context = ssl.create_default_context(cadata=tls.authorities)
    context.set_alpn_protocols(["http/1.1"])
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.certificate is not None:
        with in_memory(tls.certificate) as path:
            # The password keeps OpenSSL from asking for one at the terminal.
            context.load_cert_chain(path, password="")
    return context
