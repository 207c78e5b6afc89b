"""The base of function plugins: everything a FaaS vendor's plugin shares with every other's."""

from ..upstream.answers import Answer
from .authorizer import authorizer
from .plugin import FunctionPlugin
from .provider import Credentials, CredentialsUnavailable, Provider
from .request import FunctionRequest
from .sharing import CredentialSource, Lease
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
    "Provider",
    "Token",
    "authorizer",
    "basic",
    "bearer",
]
