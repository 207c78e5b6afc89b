"""What AWS says went wrong, and what a client is told of it: the mapping of the Invoke API's errors.

The errors and their statuses are those of the Invoke and InvokeWithResponseStream operations (Lambda API reference). None
of them is the client's fault unless the row says so, and none is ever answered as success.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from phasegate.faas import Repeat

_MESSAGE_CHARACTERS = 500
# What emulators answer, as AWS's older services do.
_XML = re.compile("<(Code|Message)>([^<]*)</")
_SECONDS = re.compile(r"[0-9]{1,9}")
_TIMED_OUT = re.compile(r"Task timed out after [0-9.]+ seconds\s*")


class Row(NamedTuple):
    """How one kind of failure is answered. With `retry` the answer says when to come again; `repeat` says when we do."""

    status: int
    code: str
    retry: bool = False
    repeat: Repeat = "never"


THROTTLED = Row(429, "upstream_throttled", retry=True, repeat="always")
_NOT_READY = Row(503, "function_not_ready", retry=True)
_AUTH = Row(502, "aws_auth_failed")
_ENVIRONMENT = Row(502, "function_environment")
_INIT_TIMEOUT = Row(504, "function_init_timeout")
_TOO_LARGE = Row(413, "payload_too_large")
BAD_PAYLOAD = Row(502, "bad_payload")
_SERVICE = Row(502, "aws_service_error")
_UNKNOWN_SERVICE = _SERVICE._replace(repeat="if_idempotent")

_BY_TYPE: dict[str, Row] = {
    **dict.fromkeys(("TooManyRequestsException", "ThrottlingException", "EC2ThrottledException"), THROTTLED),
    **dict.fromkeys(
        ("RequestTooLargeException", "SerializedRequestEntityTooLargeException", "RequestEntityTooLargeException"),
        _TOO_LARGE,
    ),
    "InvalidRequestContentException": BAD_PAYLOAD,
    "InvalidParameterValueException": BAD_PAYLOAD,
    "UnsupportedMediaTypeException": Row(415, "unsupported_media"),
    **dict.fromkeys(("ResourceNotFoundException", "NoPublishedVersionException"), Row(502, "function_not_found")),
    **dict.fromkeys(
        (
            *("AccessDeniedException", "InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired"),
            *("UnrecognizedClientException", "ExpiredTokenException", "ExpiredToken", "InvalidClientTokenId"),
            *("IncompleteSignature", "IncompleteSignatureException", "MissingAuthenticationToken"),
            *("MissingAuthenticationTokenException", "RequestTimeTooSkewed", "OptInRequired", "NotAuthorized"),
        ),
        _AUTH,
    ),
    **dict.fromkeys(
        (
            *("ResourceConflictException", "ResourceNotReadyException", "SnapStartNotReadyException"),
            "CodeArtifactUserPendingException",
        ),
        _NOT_READY,
    ),
    # Of the moment, and over before the function runs.
    "ServiceException": _SERVICE._replace(repeat="always"),
    "ENINotReadyException": _NOT_READY._replace(repeat="always"),
    **dict.fromkeys(("ENILimitReachedException", "EC2UnexpectedException"), _ENVIRONMENT._replace(repeat="always")),
    **dict.fromkeys(
        (
            *("SnapStartTimeoutException", "EFSMountConnectivityException", "EFSMountTimeoutException"),
            *("S3FilesMountConnectivityException", "S3FilesMountTimeoutException"),
        ),
        _INIT_TIMEOUT,
    ),
    **dict.fromkeys(
        (
            *("InvalidSecurityGroupIDException", "InvalidSubnetIDException", "SubnetIPAddressLimitReachedException"),
            *("KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException"),
            *("EC2AccessDeniedException", "InvalidRuntimeException", "InvalidZipFileException"),
            *("RuntimeAliasDeletedException", "SnapStartRegenerationFailureException", "ModeNotSupportedException"),
            *("RuntimeVersionDeletedException", "CodeArtifactUserDeletedException", "CodeArtifactUserFailedException"),
            *("EFSIOException", "EFSMountFailureException", "S3FilesMountFailureException", "SnapStartException"),
        ),
        _ENVIRONMENT,
    ),
    "ServiceQuotaExceededException": Row(503, "upstream_throttled", retry=True),
    "RecursiveInvocationException": Row(508, "recursive_invocation"),
}

# For emulators and proxies on the way, which name no type.
_BY_STATUS: dict[int, Row] = {
    **dict.fromkeys((401, 403), _AUTH),
    404: Row(502, "function_not_found"),
    408: _INIT_TIMEOUT,
    409: _NOT_READY,
    413: _TOO_LARGE,
    415: Row(415, "unsupported_media"),
    429: THROTTLED,
}

FUNCTION_ERROR = Row(502, "function_error")
FUNCTION_TIMEOUT = Row(504, "function_timeout")
RESPONSE_TOO_LARGE = Row(502, "response_too_large")
FUNCTION_CRASH = Row(502, "function_crash")
MALFORMED = Row(502, "malformed_response")
_CRASHES = ("Runtime.ExitError", "Runtime.OutOfMemory", "Extension.Crash", "Runtime.InvalidEntrypoint")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer in which the Invoke API itself refuses: the error's name, what it says, and when to come again.

    `wait_seconds` is None where it does not say so itself.
    """

    row: Row
    error_type: str
    message: str
    wait_seconds: int | None


def refusal_of(status: int, error_type: str, body: bytes, retry_after: str | None) -> Refusal:
    """Return what an answer other than a success means. `error_type` is the header's value, empty where there is none."""
    document = _document(body)
    named = (error_type or _text(document, "__type") or _text(document, "code")).partition(":")[0]
    name = named.rpartition("#")[2]
    row = _BY_TYPE.get(name) or _BY_STATUS.get(status, _UNKNOWN_SERVICE if status >= 500 else _SERVICE)
    message = _text(document, "message") or _text(document, "Message")
    seconds = retry_after or _text(document, "retryAfterSeconds")
    return Refusal(row, name, message, int(seconds) if _SECONDS.fullmatch(seconds) else None)


def function_failure(payload: bytes, row: Row) -> tuple[Row, str]:
    """Return how a function's error is answered, `row` being that of its own exceptions, and what it says for the log."""
    document = _document(payload)
    error_type, message = _text(document, "errorType"), _text(document, "errorMessage")
    return _function_row(error_type, message, row), f"{error_type or 'error'}: {message}"[:_MESSAGE_CHARACTERS]


def _function_row(error_type: str, message: str, row: Row) -> Row:
    if error_type == "Sandbox.Timedout" or (not error_type and _TIMED_OUT.search(message)):
        return FUNCTION_TIMEOUT
    if error_type == "Function.ResponseSizeTooLarge":
        return RESPONSE_TOO_LARGE
    if error_type in _CRASHES or (not error_type and "Process exited before completing request" in message):
        return FUNCTION_CRASH
    return row


def _document(body: bytes) -> dict[str, object]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {name.lower(): text for name, text in _XML.findall(body.decode("utf-8", "replace"))}
    return document if isinstance(document, dict) else {}


def _text(document: dict[str, object], key: str) -> str:
    value = document.get(key)
    return "" if value is None else str(value)[:_MESSAGE_CHARACTERS]
