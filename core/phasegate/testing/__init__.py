"""The kit that plugins are tested with: builders, a scripted upstream, a gateway on a free port, and a client for it.

As pytest fixtures: `addopts = ["-p", "phasegate.testing.fixtures"]` in the settings of pytest, and `phasegate[testing]`.
"""

from .builders import FixedClock, make_consumer, make_exchange, make_plugin, make_request, make_services, run_phase
from .certificates import make_certificate
from .client import ClientAnswer, ConnectionCut
from .gateway import RunningGateway, running_gateway
from .upstream import FakeUpstream, Received, Reply, fake_upstream

__all__ = [
    "ClientAnswer",
    "ConnectionCut",
    "FakeUpstream",
    "FixedClock",
    "Received",
    "Reply",
    "RunningGateway",
    "fake_upstream",
    "make_certificate",
    "make_consumer",
    "make_exchange",
    "make_plugin",
    "make_request",
    "make_services",
    "run_phase",
    "running_gateway",
]
