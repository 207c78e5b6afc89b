"""What ends a run.

BenchError
├── MissingTools    a program that the run needs is not installed
├── ProcessFailed   something that was started does not answer, or ended by itself
├── UnreadableLoad  a load generator's output has a form that nobody expected
├── WrongRequest    a peer does another job than the one it is measured at
└── SliceFailed     requests failed while they were measured, so that the numbers mean nothing
"""

from __future__ import annotations


class BenchError(Exception):
    """Ends the run; its text says what happened."""


class MissingTools(BenchError):
    """A program that the run needs is not installed."""


class ProcessFailed(BenchError):
    """Something that was started does not answer, or ended by itself."""


class UnreadableLoad(BenchError):
    """A load generator's output has a form that nobody expected."""


class WrongRequest(BenchError):
    """A peer does another job than the one it is measured at."""


class SliceFailed(BenchError):
    """Requests failed while they were measured."""
