"""Values that stand elsewhere: in the environment, in files, in managers of secrets."""

from .documents import Use, filled, used
from .reach import Reach
from .references import References
from .syntax import Unresolved, is_reference

__all__ = ["Reach", "References", "Unresolved", "Use", "filled", "is_reference", "used"]
