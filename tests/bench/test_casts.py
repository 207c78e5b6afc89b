"""Who can be started is, who can't is named with what it needs, and processes rest before they are measured."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from bench.child import Child, Children
from bench.cores import Cores
from bench.cpu import TICKS_A_SECOND, rest, tree_ticks
from bench.peers import Absent, Peer, Proxy, Setup, Site, start_those
from bench.peers.peer import ports_of
from bench.tools import Tools

pytestmark = pytest.mark.long

CORES = Cores.choose()
SETUP = Setup(upstream="http://127.0.0.1:1", suffix="-2", workers=2)


def peer(name: str) -> Peer:
    return Peer(name=name, summary="", child=cast("Any", None), ports={}, paths={})


@pytest.fixture
def busy() -> Iterator[Child]:
    script = "import time\nwhile time.process_time() < 1: pass\ntime.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script]) as process:
        yield Child("busy", cast("Any", process), Path(), Path())
        process.kill()


def test_who_lacks_something_is_absent_with_the_remedy(tmp_path: Path) -> None:
    site = Site(tmp_path, Children(tmp_path), CORES, Tools(nginx="/n"))
    lua = Proxy("lua", lambda _, __: peer("lua"), frozenset({"nginx_lua"}))
    nginx = Proxy("nginx", lambda _, setup: peer(setup.named("nginx")), frozenset({"nginx"}))
    started = start_those(site, peer("direct"), [(lua, SETUP), (nginx, SETUP)])
    assert [each.name for each in started.peers] == ["direct", "nginx-2"]
    assert started.absent == (Absent("lua-2", "on Debian, `apt-get install libnginx-mod-http-lua`"),)


def test_a_setup_tells_scheme_address_and_workers() -> None:
    assert (SETUP.scheme, SETUP.address, SETUP.workers_text) == ("http", "127.0.0.1:1", "2 workers")
    assert ports_of(SETUP).keys() == {"h1", "h2c"}


def test_rest_is_waited_for(busy: Child) -> None:
    rest([busy.process.pid])
    assert tree_ticks(busy.process.pid)[busy.process.pid] > 0.9 * TICKS_A_SECOND
