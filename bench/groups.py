"""Every group that there is, in the order of a run."""

from __future__ import annotations

from .abuse.group import Abuse
from .changes.group import Changes
from .connections.group import Connections
from .group import Group
from .hello.group import HELLO
from .proxy import PROXY

GROUPS: tuple[Group, ...] = (PROXY, HELLO, Abuse(), Connections(), Changes())
