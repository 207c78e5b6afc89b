"""Every group that there is, in the order of a run."""

from __future__ import annotations

from .abuse.group import Abuse
from .changes.group import Changes
from .connections.group import Connections
from .group import Group
from .hello.group import HELLO
from .proxy import BODIES, CLIENTS, PROXY, TLS_IN, TLS_OUT
from .sizes.group import CONSUMERS_GROUP, PLUGINS_GROUP, ROUTES_GROUP, WORKERS_GROUP
from .waiting.group import Waiting

GROUPS: tuple[Group, ...] = (
    PROXY,
    BODIES,
    CLIENTS,
    TLS_IN,
    TLS_OUT,
    Waiting(),
    WORKERS_GROUP,
    ROUTES_GROUP,
    PLUGINS_GROUP,
    CONSUMERS_GROUP,
    HELLO,
    Abuse(),
    Connections(),
    Changes(),
)
