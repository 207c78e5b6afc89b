import resource
from collections.abc import Iterator

import pytest

from phasegate.limits import Limits
from phasegate.server.descriptors import allow_descriptors


@pytest.fixture
def soft_limit() -> Iterator[None]:
    """A low soft limit, as shells have; what was there before comes back."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("soft_limit")
def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allow_descriptors(Limits(connections=1, body_files=1))
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


@pytest.mark.usefixtures("soft_limit")
def test_too_few_are_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    allow_descriptors(Limits(body_files=1 << 40))
    assert [record.msg for record in caplog.records] == ["few descriptors"]
