"""What every function plugin has to do, as one suite of tests: subclass `FunctionConformance` and pytest runs it.

It needs the kit's fixtures (`-p phasegate.testing.fixtures`) and pytest-asyncio.
"""

from .suite import FunctionConformance
from .vendor import Answered, Seen

__all__ = ["Answered", "FunctionConformance", "Seen"]
