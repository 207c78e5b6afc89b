"""From one state to the next: what stays is the same object, and the difference alone leads there."""

import pickle

from hypothesis import given
from hypothesis import strategies as st

from phasegate.environment import FromEnvironment
from phasegate.server.state import State, applied, difference, settled, settled_records
from phasegate.store.records import Contents, Key, Record

ids = st.sampled_from("abcdef")
items = st.builds(lambda id_, uri: {"id": id_, "uri": uri}, ids, st.sampled_from(["/1", "/2"]))
documents = st.dictionaries(st.sampled_from(["routes", "upstreams"]), st.lists(items, max_size=6), max_size=2)
records = st.dictionaries(
    st.tuples(st.just("routes"), ids),
    st.builds(Record, st.just("routes"), ids, st.just({}), st.just(1), st.integers(1, 3)),
)


def record(id_: str, modified: int) -> Record:
    return Record("routes", id_, {"id": id_}, 1, modified)


@given(documents, documents, records, records, st.booleans(), records)
def test_a_difference_leads_from_one_state_to_the_other(
    former_document: dict[str, list[object]],
    document: dict[str, list[object]],
    former_records: dict[Key, Record],
    changed: dict[Key, Record],
    keeps_references: bool,
    stored: dict[Key, Record],
) -> None:
    former = State(former_document, former_records, 1, {"$env://A": "1"})
    latter = State(
        settled(former_document, document), changed, 2, former.references if keeps_references else {"$env://B": "2"}
    )
    for state in (latter, latter.behind(Contents(3, stored))):
        told = pickle.loads(pickle.dumps(difference(former, state)))
        assert applied(former, told) == state


def test_a_state_that_is_behind_knows_what_the_store_holds() -> None:
    kept, gone, new = record("kept", 1), record("gone", 1), record("new", 2)
    served = State().at(Contents(1, {one.key: one for one in (kept, gone)}))
    stored = Contents(2, {one.key: one for one in (kept, new)})
    behind = served.behind(stored)
    assert (behind.stored, behind.records, behind.revision) == (stored, served.records, 1)
    assert behind.ahead is not None
    assert behind.ahead.changes == {gone.key: None, new.key: new}
    assert (behind.at(stored).stored, behind.at(stored).ahead) == (stored, None)


def test_what_stays_of_a_document_is_the_same_object_and_not_told_again() -> None:
    former = {"routes": [{"id": "a"}, {"id": "b"}]}
    document = settled(former, {"routes": [{"id": "b"}, {"id": "c"}]})
    assert document["routes"][0] is former["routes"][1]
    assert difference(State(former), State(document)).document == {"routes": [1, {"id": "c"}]}


def test_an_equal_document_is_the_former_one() -> None:
    former = {"routes": [{"id": "a"}], "upstreams": []}
    assert settled(former, {"routes": [{"id": "a"}], "upstreams": []}) is former


def test_true_is_not_1_and_text_from_the_environment_not_the_same_written_down() -> None:
    former = {"routes": [{"id": "a", "status": 1}, {"id": "b", "name": "x"}]}
    document = settled(former, {"routes": [{"id": "a", "status": True}, {"id": "b", "name": FromEnvironment("x")}]})
    assert document["routes"][0]["status"] is True
    assert isinstance(document["routes"][1]["name"], FromEnvironment)


def test_changed_and_removed_records_alone_are_told() -> None:
    kept, old, gone = record("kept", 1), record("changed", 1), record("gone", 1)
    new = record("changed", 2)
    former = State({}, {one.key: one for one in (kept, old, gone)}, 1)
    change = difference(former, State(former.document, {one.key: one for one in (kept, new)}, 2))
    assert change.records == {new.key: new, gone.key: None}
    assert change.document is None
    assert applied(former, change).records[kept.key] is kept


def test_records_that_are_read_again_are_the_former_objects_where_equal() -> None:
    former = {record("a", 1).key: record("a", 1), record("b", 1).key: record("b", 1)}
    again = settled_records(former, {record("a", 1).key: record("a", 1), record("b", 2).key: record("b", 2)})
    assert again["routes", "a"] is former["routes", "a"]
    assert again["routes", "b"].modified == 2
