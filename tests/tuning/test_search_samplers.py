from __future__ import annotations

from collections import Counter
from pathlib import Path

from yolo.tuning.search_log import Generation, append_generation
from yolo.tuning.search_samplers import MutationSampler
from yolo.tuning.search_space import SearchParam

# small steps, so that a child is close to its parent
PARAMS = (SearchParam("x", 0.0, 100.0, 0.01), SearchParam("y", 0.0, 1.0, 0.01))
START = {"x": 50.0, "y": 0.5}


def write_log(log: Path, fitness_of_x: dict[float, float]) -> None:
    for x, fitness in fitness_of_x.items():
        values = {"x": x, "y": 0.5}
        append_generation(log, Generation(run=f"{x}", outcome="done", fitness=fitness, epochs=1, seed=0, values=values))


def test_the_first_generation_has_the_initial_values(tmp_path: Path) -> None:
    sampler = MutationSampler(PARAMS, START, tmp_path / "evolve.csv", seed=0)
    assert sampler.propose(1) == START
    child = sampler.propose(2)  # while another process still trains the first
    assert child != START
    assert abs(child["x"] - 50) < 1
    assert child == MutationSampler(PARAMS, START, tmp_path / "evolve.csv", seed=0).propose(2)
    assert child != sampler.propose(3)


def test_parents_are_the_five_best_and_better_ones_are_more_frequent(tmp_path: Path) -> None:
    log = tmp_path / "evolve.csv"
    write_log(log, {10.0: 0.1, 20.0: 0.9, 30.0: 0.5, 40.0: 0.8, 60.0: 0.6, 70.0: 0.7, 80.0: 0.2})
    sampler = MutationSampler(PARAMS, START, log, seed=0)
    parents = Counter(round(sampler.propose(number)["x"], -1) for number in range(2, 402))
    assert set(parents) == {20.0, 40.0, 70.0, 60.0, 30.0}
    assert [x for x, _ in parents.most_common(2)] == [20.0, 40.0]
    assert not sampler.should_prune(1, 0.0)
