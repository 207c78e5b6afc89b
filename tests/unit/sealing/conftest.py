from pathlib import Path

import pytest

from phasegate.sealing import KeyRing


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing.make(tmp_path / "var" / "keyring")
