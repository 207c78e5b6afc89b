"""No plugin of these may block the event loop, or leave something behind."""

import pytest


@pytest.fixture(autouse=True)
def _all_are_watched(watched: None) -> None:
    """Look after every test's plugins."""
