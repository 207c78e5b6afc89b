"""What a gateway may answer while its configuration changes: what the old state says, or the new one, and nothing else."""

import time
from dataclasses import dataclass, field


@dataclass
class Era:
    """An answer that is right for a path until `ends`, when the next write was acknowledged."""

    answer: str
    ends: float = float("inf")


@dataclass
class History:
    """Which answers were right for each path, and until when.

    What was right may still be answered `lag` seconds later: a node may take so long to hear of another one's writes.
    """

    lag: float = 0.0
    eras: dict[str, list[Era]] = field(default_factory=dict)

    def begin(self, path: str, answer: str) -> None:
        """Note that a write is being sent that makes `answer` right."""
        self.eras.setdefault(path, []).append(Era(answer))

    def acknowledge(self, path: str) -> None:
        """Note that the last write is acknowledged: from now on nothing older is right."""
        now = time.monotonic()
        for era in self.eras[path][:-1]:
            era.ends = min(era.ends, now)

    def allows(self, path: str, answer: str, asked: float) -> bool:
        """Tell whether an answer to a request that was sent at `asked`, and came just now, was right at any time between."""
        return any(era.answer == answer and era.ends + self.lag >= asked for era in self.eras.get(path, ()))

    def wanted(self, path: str) -> str:
        """Return the answer that is right once every write is acknowledged."""
        return self.eras[path][-1].answer
