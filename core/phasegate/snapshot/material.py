"""PEM text made into a TLS context, and judged: certificates, their keys, the authorities of clients."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from hypercorn.config import Config

from ..errors import Finding
from ..http.client_rule import ClientRule
from ..http.pem import in_memory

_CERTIFICATE = "is no certificate chain in PEM"
_KEY = "is no unencrypted private key in PEM"


class Facts(NamedTuple):
    """What is to be known of a certificate: where it stands in its entry, the names it covers, when it expires."""

    path: str
    names: frozenset[str]
    expires: datetime

    def covers(self, name: str) -> bool:
        """Tell whether clients take the certificate for that name (RFC 6125 section 6.4.3)."""
        return name in self.names or f"*.{name.partition('.')[2]}" in self.names


@dataclass(frozen=True, slots=True)
class Material:
    """What an entry is served with: a TLS context, and what it asks of clients."""

    digest: bytes
    """Of the text that it was made of."""
    context: ssl.SSLContext
    rule: ClientRule | None
    facts: tuple[Facts, ...]


class Pair(NamedTuple):
    """A certificate chain and its key, with the names of their fields."""

    cert_path: str
    cert: str
    key_path: str
    key: str


def digest_of(value: Mapping[str, Any]) -> bytes:
    """Return what tells whether an entry's material is the same as another's."""
    text = [value.get(key) for key in ("cert", "key", "certs", "keys", "client")]
    return hashlib.sha256(repr(text).encode()).digest()


def material_of(value: Mapping[str, Any]) -> tuple[Material | None, list[Finding]]:
    """Return what a judged entry is served with, and what is wrong with it; no finding shows what the entry holds."""
    findings: list[Finding] = []
    certs, keys = value.get("certs", ()), value.get("keys", ())
    if len(certs) != len(keys):
        findings.append(Finding("certs", f"has {len(certs)} entries and keys has {len(keys)}: give each its own key"))
    pairs = [Pair("cert", value["cert"], "key", value["key"])]
    pairs += [
        Pair(f"certs[{index}]", cert, f"keys[{index}]", key)
        for index, (cert, key) in enumerate(zip(certs, keys, strict=False))
    ]
    facts = tuple(found for pair in pairs if (found := _facts(pair, findings)) is not None)
    authorities = _authorities(value.get("client"), findings)
    if findings:
        return None, findings
    try:
        context = _context(pairs)
        rule = _ask_clients(context, authorities, value["client"].get("depth")) if authorities else None
    except OSError as error:
        return None, [Finding("cert", f"is not taken by OpenSSL: {getattr(error, 'reason', None) or error.strerror}")]
    return Material(digest_of(value), context, rule, facts), []


def _facts(pair: Pair, findings: list[Finding]) -> Facts | None:
    """Return what is to be known of a pair, or None with what is wrong with it told."""
    certificate, key = _first_certificate(pair.cert), _public_key_of(pair.key)
    if certificate is None:
        findings.append(Finding(pair.cert_path, _CERTIFICATE))
    if key is None:
        findings.append(Finding(pair.key_path, _KEY))
    if certificate is None or key is None:
        return None
    if _written(certificate) != key:
        findings.append(
            Finding(pair.key_path, f"is not the key of {pair.cert_path}: give the two that belong together")
        )
        return None
    return Facts(pair.cert_path, _names_of(certificate), certificate.not_valid_after_utc)


def _first_certificate(text: str) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificates(text.encode())[0]
    except ValueError:
        return None


def _public_key_of(text: str) -> bytes | None:
    try:
        key = serialization.load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # the second for one that is encrypted
        return None
    return _encoded(key.public_key())


def _written(certificate: x509.Certificate) -> bytes | None:
    try:
        return _encoded(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return None


def _encoded(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _names_of(certificate: x509.Certificate) -> frozenset[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (ValueError, x509.ExtensionNotFound):
        return frozenset()
    return frozenset(name.lower() for name in found.value.get_values_for_type(x509.DNSName))


def _authorities(client: Mapping[str, Any] | None, findings: list[Finding]) -> list[x509.Certificate]:
    if client is None:
        return []
    try:
        return x509.load_pem_x509_certificates(client["ca"].encode())
    except ValueError:
        findings.append(Finding("client.ca", "holds no certificates in PEM"))
        return []


def _context(pairs: Iterable[Pair]) -> ssl.SSLContext:
    """Return Hypercorn's server context, as a listener's own is: its ciphers, and ALPN for HTTP/2 and HTTP/1.1."""
    first, *further = pairs
    config = Config()
    with in_memory(_text(first)) as path:
        config.certfile = config.keyfile = path
        context = cast("ssl.SSLContext", config.create_ssl_context())
    for pair in further:
        with in_memory(_text(pair)) as path:
            context.load_cert_chain(path)
    return context


def _text(pair: Pair) -> str:
    return f"{pair.cert}\n{pair.key}\n"


def _ask_clients(context: ssl.SSLContext, authorities: list[x509.Certificate], depth: int | None) -> ClientRule:
    """Let in only who shows a certificate that one of the authorities, or one that it has signed, has signed."""
    encoded = [certificate.public_bytes(serialization.Encoding.DER) for certificate in authorities]
    context.load_verify_locations(cadata=b"".join(encoded))
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if depth is not None:
        # A session that is taken up again brings no chain that could be counted, so that there must be none.
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
    return ClientRule(frozenset(certificate.fingerprint(hashes.SHA256()) for certificate in authorities), depth)
