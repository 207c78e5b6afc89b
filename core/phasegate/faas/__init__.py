"""The base of function plugins: everything a FaaS vendor's plugin shares with every other's."""

from ..errors import Repeat
from ..upstream.answers import Answer
from .authorizer import authorizer
from .leases import CredentialSource, Lease
from .plugin import FunctionPlugin
from .provider import Credentials, CredentialsUnavailable, Provider
from .request import FunctionRequest
from .retries import is_idempotent
from .returned import (
    MalformedAnswer,
    answer_field,
    answer_fields,
    answer_status,
    hold_to_limits,
    json_bytes,
    json_kind,
    json_object,
    read_whole,
)
from .target import FunctionTarget
from .token import Token, basic, bearer

__all__ = [
    "Answer",
    "CredentialSource",
    "Credentials",
    "CredentialsUnavailable",
    "FunctionPlugin",
    "FunctionRequest",
    "FunctionTarget",
    "Lease",
    "MalformedAnswer",
    "Provider",
    "Repeat",
    "Token",
    "answer_field",
    "answer_fields",
    "answer_status",
    "authorizer",
    "basic",
    "bearer",
    "hold_to_limits",
    "is_idempotent",
    "json_bytes",
    "json_kind",
    "json_object",
    "read_whole",
]
