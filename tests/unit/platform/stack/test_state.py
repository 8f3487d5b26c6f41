from pathlib import Path
from threading import Event, Thread

import pytest

from headrace.platform.stack.errors import StackError
from headrace.platform.stack.report import Report
from headrace.platform.stack.state import Node, ProcessRecord, StackState, load_state, locked, save_state

STATE = StackState(
    cluster_id="c",
    nodes=[Node(number=1, port=20001, controller_port=20002), Node(number=2, port=20003, controller_port=20004)],
    registry_port=20005,
    versions={"kafka": "4.1.2"},
    processes={"kafka-1": ProcessRecord(pid=7, started=1.5)},
)


def test_state_comes_back_as_it_was_saved_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    save_state(tmp_path, STATE)
    assert load_state(tmp_path) == STATE
    assert [path.name for path in tmp_path.iterdir()] == ["stack.json"]


def test_addresses() -> None:
    assert STATE.bootstrap == "127.0.0.1:20001,127.0.0.1:20003"
    assert STATE.registry_url == "http://127.0.0.1:20005/apis/ccompat/v7"


def test_unused_folder_has_no_state(tmp_path: Path) -> None:
    assert load_state(tmp_path / "never") is None


@pytest.mark.parametrize("content", ["", "{", '{"format": 2}', '{"format": 1, "cluster_id": "c", "nodes": []}'])
def test_damaged_state_is_an_error_that_names_file_and_remedy(tmp_path: Path, content: str) -> None:
    (tmp_path / "stack.json").write_text(content)
    with pytest.raises(StackError, match=r"stack\.json.*use another data folder"):
        load_state(tmp_path)


def test_second_holder_waits_and_says_so(tmp_path: Path) -> None:
    told, entered = Event(), Event()

    class Telling(Report):
        def step(self, text: str) -> None:
            assert str(tmp_path) in text
            told.set()

    def second() -> None:
        with locked(tmp_path, Telling()):
            entered.set()

    thread = Thread(target=second)
    with locked(tmp_path, Report()):
        thread.start()
        assert told.wait(10)
        assert not entered.is_set()
    thread.join(10)
    assert entered.is_set()
