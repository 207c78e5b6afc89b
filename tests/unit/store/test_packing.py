import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.environment import FromEnvironment
from phasegate.store.changes import summary_of
from phasegate.store.packing import pack, unpack_contents, unpack_record, unpack_revision, unpack_summary
from phasegate.store.records import Change, Contents, Record, Revision, StoreUnavailable

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(0, 2**53)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=10,
)
RECORDS = st.builds(Record, TEXTS, TEXTS, st.dictionaries(TEXTS, JSON), NUMBERS, NUMBERS)
CHANGES = st.builds(Change, st.none() | RECORDS, RECORDS) | st.builds(Change, RECORDS, st.none())
REVISIONS = st.builds(Revision, NUMBERS, st.floats(0, 2e9), TEXTS, TEXTS, st.lists(CHANGES, max_size=3).map(tuple))


@given(REVISIONS)
def test_a_revision_is_unpacked_as_it_was(revision: Revision) -> None:
    assert unpack_revision(pack(revision), "") == revision


@given(REVISIONS)
def test_a_summary_is_unpacked_as_it_was(revision: Revision) -> None:
    summary = summary_of(revision)
    assert unpack_summary(pack(summary), "") == summary


@given(REVISIONS)
def test_a_revision_is_a_json_object_with_a_line_for_each_change(revision: Revision) -> None:
    packed = pack(revision)
    assert len(packed.splitlines()) == len(revision.changes) + (2 if revision.changes else 3)
    assert unpack_revision(orjson.dumps(orjson.loads(packed)), "") == revision


@given(NUMBERS, st.lists(RECORDS, max_size=3))
def test_contents_are_unpacked_as_they_were(number: int, records: list[Record]) -> None:
    contents = Contents(number, {record.key: record for record in records})
    assert unpack_contents(pack(contents), "") == contents


def test_text_from_the_environment_is_kept_as_text() -> None:
    record = unpack_record(pack(Record("routes", "a", {"host": FromEnvironment("h.test")}, 1, 1)), "")
    assert record.value == {"host": "h.test"}
    assert type(record.value["host"]) is str


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"1", b'{"number": 1}', b'{"changes": [1]}', b"\xff"])
def test_what_is_no_revision_is_told_with_its_place(data: bytes) -> None:
    with pytest.raises(StoreUnavailable, match=r"^here holds something else than Phasegate wrote"):
        unpack_revision(data, "here")
