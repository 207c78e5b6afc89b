"""What a TLS handshake tells: whose certificate, until when, and what to do where it is not accepted."""

from __future__ import annotations

import datetime as dt
import ssl

from cryptography import x509

from ..diagnosis import Diagnosis

_ABOUT = "tls"
_SOON_SECONDS = 7 * 86_400
_MOST_NAMES = 5

_AGREE = "look which versions, names and client certificates the other side wants"

# OpenSSL's X509_V_ERR_* ("verify", OpenSSL manual).
_NOT_YET, _EXPIRED = 9, 10
_UNTRUSTED = frozenset({18, 19, 20, 21})
_OTHER_NAME = frozenset({62, 64})


def shown(secured: ssl.SSLObject, *, verified: bool, now: float) -> Diagnosis:
    """Return how a handshake went that succeeded."""
    certificate = _parsed(certificate_of(secured))
    whose = f"{secured.version()}, {_described(certificate)}"
    if not verified:
        remedy = "set ssl_verify: true; SSL_CERT_FILE names an authority of your own"
        return Diagnosis(_ABOUT, f"{whose}, which nobody verifies", "warning", remedy)
    if certificate is not None and certificate.not_valid_after_utc.timestamp() - now < _SOON_SECONDS:
        return Diagnosis(_ABOUT, whose, "warning", "have the certificate renewed: it is over in less than a week")
    return Diagnosis(_ABOUT, whose)


def certificate_of(secured: ssl.SSLObject | None) -> bytes | None:
    """Return the other side's certificate, as DER."""
    return None if secured is None else secured.getpeercert(binary_form=True)


def refused(error: Exception, presented: bytes | None, name: str) -> Diagnosis:
    """Return why a handshake failed, given the certificate that was presented, if one was."""
    if isinstance(error, ssl.SSLCertVerificationError):
        certificate = _parsed(presented)
        message, remedy = _unverified(error, certificate, name)
        return Diagnosis(_ABOUT, message, "error", remedy)
    if isinstance(error, ssl.SSLError) and error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
        return Diagnosis(
            _ABOUT, "no TLS is spoken there", "error", "write http:// where that is meant, or mend the port"
        )
    if isinstance(error, ssl.SSLError):
        return Diagnosis(_ABOUT, f"the handshake fails: {error.reason or error}", "error", _AGREE)
    return Diagnosis(_ABOUT, "the connection is closed within the handshake", "error", _AGREE)


def _unverified(
    error: ssl.SSLCertVerificationError, certificate: x509.Certificate | None, name: str
) -> tuple[str, str]:
    whose = _described(certificate)
    code = error.verify_code
    if code == _EXPIRED:
        return f"{whose} has expired", "have the certificate renewed; if it is good, this machine's clock is ahead"
    if code == _NOT_YET:
        return f"{whose} is not valid yet", "set this machine's clock, or wait until the certificate holds"
    if code in _OTHER_NAME:
        names = ", ".join(_names(certificate)) or "no name"
        return f"the certificate is for {names}, not for {name}", "mend the host name, or have the certificate name it"
    if code in _UNTRUSTED:
        message = f"{whose} is from an authority that is not trusted: {_issuer(certificate)}"
        return message, "name its authority with SSL_CERT_FILE, or have the server send its whole chain"
    return f"{whose} is not accepted: {error.verify_message}", "have a certificate issued that is"


def _parsed(der: bytes | None) -> x509.Certificate | None:
    try:
        return None if der is None else x509.load_der_x509_certificate(der)
    except ValueError:
        return None


def _described(certificate: x509.Certificate | None) -> str:
    if certificate is None:
        return "its certificate"
    names = _names(certificate)
    until = certificate.not_valid_after_utc.astimezone(dt.UTC).strftime("%Y-%m-%d")
    return f"certificate of {', '.join(names) or 'no name'} until {until}"


def _names(certificate: x509.Certificate | None) -> list[str]:
    if certificate is None:
        return []
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return [certificate.subject.rfc4514_string()]
    names = [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]
    more = len(names) - _MOST_NAMES
    return [*names[:_MOST_NAMES], f"and {more} more"] if more > 0 else names


def _issuer(certificate: x509.Certificate | None) -> str:
    return "unknown" if certificate is None else certificate.issuer.rfc4514_string() or "unknown"
