"""The arrays of a partition, where a reader's snapshot is older than what another has already put there."""

from collections.abc import Callable

from clew import Clew

Open = Callable[..., Clew]


def test_vectors_read_in_an_older_snapshot_are_fewer_and_nothing_breaks(memory: Open) -> None:
    clew = memory(recipes=["verbatim"])
    clew.record(["the harbour opens at six", "the ferry is late"], user="ana")
    clew.catch_up()
    view = clew._views.serving("verbatim").view
    [part] = [p for p in view.parts() if p.slots]
    index, database = view.index(part), clew.log.database
    with database.snapshot() as older:
        other = Clew(database.path, recipes=["verbatim"])
        other.record("the berth is seven", user="ana")
        other.catch_up()
        with index.lock:
            index.reset(index.epoch)
            index.refresh(other.log.database.reader())
            assert [len(index.codes(older)) for _ in range(2)] == [2, 2], "asked twice in the old snapshot"
            assert len(index.codes(other.log.database.reader())) == 3, "and the new one shows the rest"
        other.close()
