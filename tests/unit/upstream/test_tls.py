"""What OpenSSL does not take is an error that those who load a configuration expect."""

import pytest

from phasegate.model import UpstreamTLS
from phasegate.upstream.tls import client_context


@pytest.mark.parametrize("text", ["no PEM", "\x80", "\u2028", "a\0b"])
def test_authorities_and_certificates_that_are_none(text: str) -> None:
    for tls in (UpstreamTLS(authorities=text), UpstreamTLS(certificate=text)):
        with pytest.raises((OSError, ValueError)):
            client_context(tls)
