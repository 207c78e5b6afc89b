"""Every group that there is, in the order of a run."""

from __future__ import annotations

from .abuse.group import Abuse
from .changes.group import Changes
from .connections.group import Connections
from .group import Group
from .hello.group import HELLO
from .proxy import BODIES, CLIENTS, PROXY, TLS_IN, TLS_OUT

GROUPS: tuple[Group, ...] = (PROXY, BODIES, CLIENTS, TLS_IN, TLS_OUT, HELLO, Abuse(), Connections(), Changes())
