import asyncio
import os
from pathlib import Path

import pytest

from phasegate import ConfigError
from phasegate.store.file import FileSource


def source(tmp_path: Path, text: str) -> FileSource:
    (tmp_path / "routes.yaml").write_text(text)
    return FileSource(tmp_path / "routes.yaml", {"HOST": "h.test"})


def test_the_environment_is_filled_in(tmp_path: Path) -> None:
    assert source(tmp_path, "routes: [{id: a, host: '${HOST}'}]").load() == {"routes": [{"id": "a", "host": "h.test"}]}


def test_a_variable_that_is_not_set_refuses_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        source(tmp_path, "routes: [{id: '${NOWHERE}'}]").load()
    assert str(caught.value).startswith(
        f"{tmp_path}/routes.yaml: routes[0].id: environment variable NOWHERE is not set"
    )


@pytest.mark.parametrize("text", ["", "\n# only a remark\n", "{}"])
def test_a_file_that_holds_nothing_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"is empty: write `routes: \[\]`"):
        source(tmp_path, text).load()


async def test_a_change_is_noticed_once(tmp_path: Path) -> None:
    files = source(tmp_path, "routes: []")
    files.load()
    changes = files.changes()
    waiting = asyncio.ensure_future(anext(changes))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    (tmp_path / "routes.yaml").write_text("routes: [1]")
    await asyncio.wait_for(waiting, 5)
    files.load()
    again = asyncio.ensure_future(anext(changes))
    await asyncio.sleep(0.2)
    assert not again.done()
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)


async def test_a_change_before_the_watch_began_is_noticed_too(tmp_path: Path) -> None:
    files = source(tmp_path, "routes: []")
    files.load()
    os.utime(tmp_path / "routes.yaml", (1, 1))
    changes = files.changes()
    await asyncio.wait_for(anext(changes), 5)
    await changes.aclose()  # type: ignore[attr-defined]


def test_a_file_that_may_lack_is_read_once_it_is_there_and_then_missed(tmp_path: Path) -> None:
    source = FileSource(tmp_path / "routes.yaml", may_lack=True)
    assert source.load() == {}
    (tmp_path / "routes.yaml").write_text("routes: []")
    assert source.load() == {"routes": []}
    (tmp_path / "routes.yaml").unlink()
    with pytest.raises(ConfigError, match="can't be read"):
        source.load()
