"""The kit that plugins are tested with: builders, a scripted upstream, and a gateway on a free port.

As pytest fixtures: `addopts = ["-p", "phasegate.testing.fixtures"]` in the settings of pytest.
"""

from .builders import FixedClock, make_exchange, make_plugin, make_request, make_services, run_phase
from .gateway import RunningGateway, running_gateway
from .upstream import FakeUpstream, Received, Reply, fake_upstream

__all__ = [
    "FakeUpstream",
    "FixedClock",
    "Received",
    "Reply",
    "RunningGateway",
    "fake_upstream",
    "make_exchange",
    "make_plugin",
    "make_request",
    "make_services",
    "run_phase",
    "running_gateway",
]
