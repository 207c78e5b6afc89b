"""Authentication plugins for Phasegate, and restrictions of who may call."""

from .basic_auth import BasicAuth
from .consumer_restriction import ConsumerRestriction
from .cors import Cors
from .csrf import Csrf
from .forward_auth import ForwardAuth
from .hmac_auth import HmacAuth
from .ip_restriction import IpRestriction
from .jwt_auth import JwtAuth
from .key_auth import KeyAuth
from .openid_connect import OpenidConnect
from .referer_restriction import RefererRestriction
from .ua_restriction import UaRestriction

__all__ = [
    "BasicAuth",
    "ConsumerRestriction",
    "Cors",
    "Csrf",
    "ForwardAuth",
    "HmacAuth",
    "IpRestriction",
    "JwtAuth",
    "KeyAuth",
    "OpenidConnect",
    "RefererRestriction",
    "UaRestriction",
]
