"""The client's side of TLS to upstreams."""

from __future__ import annotations

import ssl

from ..http.pem import in_memory
from .call import ConnectionOptions


def client_context(options: ConnectionOptions) -> ssl.SSLContext | bool:
    """Return the context that the options ask for, or whether aiohttp's own shall verify.

    Raise OSError or ValueError for authorities or a certificate that OpenSSL does not take.
    """
    tls = options.tls
    if tls.authorities is None and tls.certificate is None:
        return options.verify
    context = ssl.create_default_context(cadata=tls.authorities)
    context.set_alpn_protocols(["http/1.1"])
    if not options.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.certificate is not None:
        with in_memory(tls.certificate) as path:
            context.load_cert_chain(path, password="")
    return context
