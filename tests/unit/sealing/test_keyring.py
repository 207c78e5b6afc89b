import base64
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.errors import StartupError
from phasegate.sealing import KeyMissing, KeyRing, SealBroken
from phasegate.sealing.keyring import key_of


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing.make(tmp_path_factory.mktemp("ring") / "keyring")


def test_a_ring_is_made_for_its_owner_alone(ring: KeyRing) -> None:
    assert ring.path.stat().st_mode & 0o777 == 0o600
    assert ring.path.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in ring.path.parent.iterdir()] == ["keyring"]


def test_a_ring_that_is_there_is_kept(ring: KeyRing) -> None:
    assert KeyRing.make(ring.path).ids == ring.ids


def test_of_many_who_make_one_at_once_all_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        rings = list(threads.map(lambda _: KeyRing.make(tmp_path / "keyring"), range(8)))
    assert len({ring.ids for ring in rings}) == 1


@given(st.binary(), st.binary())
def test_what_is_sealed_opens_in_its_context(kept: KeyRing, plain: bytes, context: bytes) -> None:
    text = kept.seal(plain, context)
    assert key_of(text) == kept.newest
    assert kept.open(text, context) == plain


@given(st.binary(min_size=8), st.binary(), st.binary())
def test_in_another_context_it_does_not(kept: KeyRing, plain: bytes, context: bytes, other: bytes) -> None:
    text = kept.seal(plain, context)
    if other != context:
        with pytest.raises(SealBroken, match=f"does not open with key {kept.newest}: it was altered, or moved here"):
            kept.open(text, other)


@given(st.binary(), st.data())
def test_a_single_altered_bit_is_noticed(kept: KeyRing, plain: bytes, data: st.DataObject) -> None:
    mark, key_id, body = kept.seal(plain, b"here").split(":")
    altered = bytearray(base64.b64decode(body))
    position = data.draw(st.integers(0, 8 * len(altered) - 1))
    altered[position // 8] ^= 1 << position % 8
    with pytest.raises(SealBroken):
        kept.open(f"{mark}:{key_id}:{base64.b64encode(altered).decode()}", b"here")


@given(st.data())
def test_a_part_of_it_is_noticed(kept: KeyRing, data: st.DataObject) -> None:
    mark, key_id, body = kept.seal(b"s3cret", b"here").split(":")
    sealed = base64.b64decode(body)
    part = sealed[: data.draw(st.integers(0, len(sealed) - 1))]
    with pytest.raises(SealBroken):
        kept.open(f"{mark}:{key_id}:{base64.b64encode(part).decode()}", b"here")


@pytest.mark.parametrize(
    "text", ["$sealed:", "$sealed:0:", "$sealed:01234567:", "$sealed:01234567:A", "$sealed:x:AAAA"]
)
def test_what_only_begins_like_one(ring: KeyRing, text: str) -> None:
    with pytest.raises((SealBroken, KeyMissing)):
        ring.open(text, b"")


def test_no_two_seals_are_alike(ring: KeyRing) -> None:
    assert len({ring.seal(b"s3cret", b"") for _ in range(100)}) == 100


def test_after_a_rotation_the_new_key_seals_and_both_open(ring: KeyRing) -> None:
    first = ring.newest
    text = ring.seal(b"s3cret", b"")
    assert ring.rotate() == ring.newest != first
    assert ring.ids == (ring.newest, first)
    assert ring.open(text, b"") == b"s3cret"
    assert key_of(ring.seal(b"s3cret", b"")) == ring.newest
    assert KeyRing(ring.path).ids == ring.ids
    assert ring.path.stat().st_mode & 0o777 == 0o600


def test_a_rotation_keeps_the_file_s_owner(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr("os.geteuid", lambda: ring.path.stat().st_uid + 1)
    monkeypatch.setattr("os.fchown", lambda _, user, group: given.append((user, group)))
    owner = ring.path.stat()
    ring.rotate()
    assert given == [(owner.st_uid, owner.st_gid)]


def test_a_rotation_keeps_a_link(ring: KeyRing, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link"
    link.symlink_to(ring.path)
    newest = KeyRing(link).rotate()
    assert link.is_symlink()
    assert KeyRing(ring.path).newest == newest


def test_rotations_at_once_lose_no_key(ring: KeyRing) -> None:
    with ThreadPoolExecutor(8) as threads:
        added = list(threads.map(lambda _: KeyRing(ring.path).rotate(), range(8)))
    ring.reload()
    assert set(added) <= set(ring.ids)


def test_a_key_that_was_rotated_in_by_another_process_is_found(ring: KeyRing) -> None:
    other = KeyRing(ring.path)
    other.rotate()
    assert ring.open(other.seal(b"s3cret", b""), b"") == b"s3cret"


def test_a_missing_key_is_named_with_the_file(ring: KeyRing, tmp_path: Path) -> None:
    other = KeyRing.make(tmp_path / "other")
    with pytest.raises(KeyMissing, match=rf"sealed with key {other.newest}, which {ring.path} lacks: copy that file"):
        ring.open(other.seal(b"s3cret", b""), b"")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_ring_that_others_reach_is_refused(ring: KeyRing, mode: int) -> None:
    ring.path.chmod(mode)
    with pytest.raises(StartupError, match=rf"can be read by others \(mode {mode:04o}\): chmod 600 {ring.path}"):
        KeyRing(ring.path)


def test_a_ring_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=f"there is no key ring {tmp_path}/keyring"):
        KeyRing(tmp_path / "keyring")
    with pytest.raises(StartupError, match="can't be read: IsADirectoryError"):
        KeyRing(tmp_path)


def test_a_damaged_ring_is_refused_without_its_keys(ring: KeyRing) -> None:
    lines = ring.path.read_text().splitlines()
    key = lines[-1].split()[1]
    for damaged in (f"{'0' * 8} {key}", lines[-1][:-5], "nonsense", f"{lines[-1]} more"):
        ring.path.write_text("\n".join([*lines[:-1], damaged]))
        with pytest.raises(StartupError, match=f"keyring:{len(lines)}: is no key with its id") as caught:
            KeyRing(ring.path)
        assert key not in str(caught.value)
    ring.path.write_text("# nothing\n")
    with pytest.raises(StartupError, match="holds no key"):
        KeyRing(ring.path)


def test_a_failed_reading_keeps_the_keys(ring: KeyRing) -> None:
    text = ring.seal(b"s3cret", b"")
    ring.path.unlink()
    with pytest.raises(StartupError):
        ring.reload()
    assert ring.open(text, b"") == b"s3cret"


def test_a_copy_is_the_same_ring(ring: KeyRing, tmp_path: Path) -> None:
    shutil.copy2(ring.path, tmp_path / "copy")
    assert KeyRing(tmp_path / "copy").open(ring.seal(b"s3cret", b""), b"") == b"s3cret"


def test_a_folder_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartupError, match="can't be"):
        KeyRing.make(tmp_path / "file" / "keyring")
