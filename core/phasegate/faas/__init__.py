"""The base of function plugins: everything a FaaS vendor's plugin shares with every other's."""

from ..errors import Repeat
from ..upstream.answers import Answer
from .authorizer import authorizer
from .plugin import FunctionPlugin
from .request import FunctionRequest
from .retries import is_idempotent
from .target import FunctionTarget

__all__ = ["Answer", "FunctionPlugin", "FunctionRequest", "FunctionTarget", "Repeat", "authorizer", "is_idempotent"]
