"""What plugins are given by commands, where no gateway runs."""

from __future__ import annotations

import logging

from ..plugin import Services, SystemClock
from ..snapshot import Snapshot
from ..upstream.client import UpstreamClient


def services_of(snapshot: Snapshot, client: UpstreamClient, plugin: str) -> Services:
    """Return services by what a snapshot says of consumers and metadata."""
    logger = logging.getLogger(f"phasegate.plugins.{plugin}")
    # What a command has to say it prints; Python would print warnings that nobody else takes, too.
    logger.addHandler(logging.NullHandler())
    return Services(client, snapshot.index, logger, SystemClock(), snapshot.metadata)
