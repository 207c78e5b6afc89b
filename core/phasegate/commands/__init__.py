"""What the commands of distributions are written with: requests, and the plugins of a folder's routes, without serving.

Errors that are raised here are told as those of `phasegate`'s own commands are.
"""

from ..errors import CommandError
from .folder import Folder
from .making import configured, exchange_of, request_from

__all__ = ["CommandError", "Folder", "configured", "exchange_of", "request_from"]
