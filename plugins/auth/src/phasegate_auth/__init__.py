"""Authentication plugins for Phasegate, and restrictions of who may call."""

from .basic_auth import BasicAuth
from .hmac_auth import HmacAuth
from .jwt_auth import JwtAuth
from .key_auth import KeyAuth

__all__ = ["BasicAuth", "HmacAuth", "JwtAuth", "KeyAuth"]
