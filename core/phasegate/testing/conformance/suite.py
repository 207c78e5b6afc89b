"""The suite: all that is asked of a function plugin."""

from __future__ import annotations

import pytest

from .answering import Answering
from .carrying import Carrying
from .equality import Equality
from .failing import Failing
from .keeping import Keeping


@pytest.mark.asyncio
class FunctionConformance(Carrying, Answering, Failing, Keeping, Equality):
    """Tests that every function plugin passes. A subclass whose name begins with `Test` names its `plugin`, and how to
    configure it.

    Where functions of a vendor see requests, or answer, in a form of their own, it overrides `seen` and `reply`.
    """
