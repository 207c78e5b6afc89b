from phasegate.store.changes import changes_of, revised, summary_of
from phasegate.store.records import Change, Contents, Record, Revision, Touched, Write

OLD = Record("routes", "a", {"uri": "/old"}, 1, 2)


def test_a_new_record_is_made_by_its_revision() -> None:
    assert changes_of([Write("routes", "b", {})], {}, 7) == (Change(None, Record("routes", "b", {}, 7, 7)),)


def test_a_changed_record_keeps_the_revision_that_made_it() -> None:
    (change,) = changes_of([Write("routes", "a", {})], {OLD.key: OLD}, 7)
    assert change == Change(OLD, Record("routes", "a", {}, 1, 7))


def test_the_last_write_to_a_key_holds() -> None:
    writes = [Write("routes", "a", {"n": 1}), Write("routes", "a", None)]
    assert changes_of(writes, {OLD.key: OLD}, 7) == (Change(OLD, None),)


def test_deleting_what_is_not_there_changes_nothing() -> None:
    assert changes_of([Write("routes", "b", None)], {OLD.key: OLD}, 7) == ()


def test_contents_follow_a_revision_and_leave_the_old_ones_alone() -> None:
    contents, new = Contents(2, {OLD.key: OLD}), Record("routes", "b", {}, 3, 3)
    revision = Revision(3, 0.0, "", "", (Change(OLD, None), Change(None, new)))
    assert revised(contents, revision) == Contents(3, {new.key: new})
    assert contents.records == {OLD.key: OLD}


def test_a_summary_tells_the_first_changes_and_how_many_there_are() -> None:
    revision = Revision(1, 0.0, "ops", "", changes_of([Write("routes", str(n), {}) for n in range(50)], {}, 1))
    summary = summary_of(revision)
    assert (len(summary.touched), summary.total) == (20, 50)
    assert summary.touched[0] == Touched("routes", "0", "create")
