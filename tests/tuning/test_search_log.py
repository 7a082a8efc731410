from __future__ import annotations

import logging
import multiprocessing
from pathlib import Path

import pytest

from yolo.errors import DataError
from yolo.tuning.search_log import Generation, append_generation, best_generation, read_generations

LINES = 40


def generation(run: str, fitness: float, **values: float) -> Generation:
    return Generation(run=run, outcome="done", fitness=fitness, epochs=3, seed=7, values=values or {"lr0": 0.1 + 0.2})


def test_generations_are_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "search" / "evolve.csv"
    written = [generation("0001", 0.3), generation("0002", 0.5), generation("0003", 0.5)]
    assert read_generations(path) == []
    for line in written:
        append_generation(path, line)
    assert read_generations(path) == written  # to the bit
    assert best_generation(written) == written[1]
    assert best_generation([]) is None
    header = path.read_text().splitlines()[0]
    assert header == "run,outcome,fitness,epochs,seed,lr0"


def append_many(path: Path, process: int) -> None:
    for number in range(LINES):
        append_generation(path, generation(f"{process}-{number}", 0.5, lr0=float(number), giou=1 / 3))


def test_concurrent_writers_lose_no_line(tmp_path: Path) -> None:
    path = tmp_path / "evolve.csv"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=append_many, args=(path, process)) for process in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    read = read_generations(path)
    assert {line.run for line in read} == {f"{process}-{number}" for process in range(2) for number in range(LINES)}
    assert len(read) == 2 * LINES
    assert len(path.read_text().splitlines()) == 2 * LINES + 1


def test_an_incomplete_line_is_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "evolve.csv"
    append_generation(path, generation("0001", 0.3))
    with path.open("a") as file:
        file.write("0002,done,0.")
    append_generation(path, generation("0003", 0.4))
    with caplog.at_level(logging.WARNING):
        assert [line.run for line in read_generations(path)] == ["0001", "0003"]
    assert f"{path}:3: incomplete line skipped" in caplog.text


def test_the_log_of_another_search_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "evolve.csv"
    append_generation(path, generation("0001", 0.3, lr0=1.0))
    before = path.read_text()
    with pytest.raises(DataError, match=r"evolve.csv:1: its columns are not those of this search"):
        append_generation(path, generation("0002", 0.3, momentum=1.0))
    assert path.read_text() == before
    path.write_text("epoch,step\n1,2\n")
    with pytest.raises(DataError, match=r"evolve.csv:1: not the evolve.csv of a search"):
        read_generations(path)


def test_a_log_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "evolve.csv").write_bytes(b"run,outcome,fitness,epochs,seed\n0001,done,\x85,1,0\n")
    with pytest.raises(DataError, match="is not UTF-8 text"):
        read_generations(tmp_path / "evolve.csv")
