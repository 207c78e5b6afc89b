"""Runs the load generators: wrk for HTTP/1.1, h2load for HTTP/2."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import h2load, wrk
from .errors import UnreadableLoad
from .load import Load
from .scenario import Scenario
from .tools import Tools

_SPARE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Generator:
    """Loads URLs; what it needs and leaves lies in a folder."""

    tools: Tools
    folder: Path

    def run(self, scenario: Scenario, url: str, seconds: int, script: str | None = None) -> Load:
        """Load a URL for this time; over HTTP/1.1 a script of wrk's may say more about the requests."""
        if not scenario.is_http2:
            script = self._script(scenario, script)
            arguments = wrk.command(self.tools.wrk, scenario, url, seconds=seconds, script=script)
            return wrk.parse(_output(arguments, seconds + _SPARE_SECONDS))
        log = self.folder / "h2load.log"
        log.unlink(missing_ok=True)
        body = self._body(scenario)
        arguments = h2load.command(self.tools.h2load, scenario, url, seconds=seconds, body=body, log=str(log))
        text = _output(arguments, seconds + _SPARE_SECONDS)
        with log.open() as lines:
            return h2load.parse(text, lines)

    def _script(self, scenario: Scenario, script: str | None) -> str | None:
        post = None if scenario.body is None else wrk.post_script(scenario.body)
        texts = [text for text in (post, script) if text is not None]
        return self._file(f"{scenario.name}.lua", "\n".join(texts)) if texts else None

    def _body(self, scenario: Scenario) -> str | None:
        return None if scenario.body is None else self._file(f"{scenario.name}.json", scenario.body)

    def _file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)


def _output(arguments: list[str], limit_seconds: float) -> str:
    """Return what the program prints. Raise UnreadableLoad when it fails."""
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=limit_seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise UnreadableLoad(f"{arguments[0]} had not ended after {limit_seconds:.0f} s and was stopped") from error
    if done.returncode != 0:
        raise UnreadableLoad(f"{arguments[0]} ended with exit code {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
