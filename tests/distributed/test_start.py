"""A program on several processes, and the failure of one of them."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
import yaml

from tests.data.formats.images import put_text
from tests.data.painting import paint
from tests.distributed.ranks import environment, free_port
from yolo.config.distributed_settings import DistributedSettings
from yolo.distributed import GroupOptions, job_id, join_group
from yolo.distributed.launcher import Machines
from yolo.distributed.start import without_local_rank
from yolo.errors import SettingsError
from yolo.training.read_settings import read_train_settings
from yolo.visualization.drawing import write_image

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        (["--local_rank=1", "--epochs", "3"], ["--epochs", "3"]),
        (["--local-rank", "0", "--epochs", "3"], ["--epochs", "3"]),
        (["--epochs", "3"], ["--epochs", "3"]),
    ],
)
def test_the_flag_of_the_older_launcher_is_removed(arguments: list[str], kept: list[str]) -> None:
    assert without_local_rank(arguments) == kept


def test_group_options_ignore_all_other_flags() -> None:
    arguments = ["--epochs", "3", "--dist-backend", "gloo", "--dist-timeout", "2", "--device", "cpu", "--unknown"]
    options = GroupOptions.from_arguments(arguments)
    assert options == GroupOptions(backend="gloo", timeout_min=2, device="cpu", command=options.command)
    options = GroupOptions.from_arguments(["--dist-timeout", "soon"])  # the program's own parser reports the error
    assert options == GroupOptions(command=options.command)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"devices": "0,x"}, "--devices 0,x: use numbers of different GPUs"),
        ({"devices": "1,1"}, "--devices 1,1"),
        ({"devices": "0,1", "nproc": 3}, "--devices 0,1: use it without --nproc"),
        ({"nproc": -1}, "--nproc -1"),
        ({"dist_timeout": 0.0}, "--dist-timeout 0.0"),
    ],
)
def test_invalid_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        DistributedSettings(**settings)  # type: ignore[arg-type]


def test_each_device_gets_a_process() -> None:
    assert DistributedSettings(devices="0, 2,3").processes == 3
    assert DistributedSettings(nproc=2).processes == 2
    assert DistributedSettings().processes == 0


def test_machines_are_read_from_the_variables_of_modelarts() -> None:
    env = {"MA_NUM_HOSTS": "2", "VC_TASK_INDEX": "1", "VC_WORKER_HOSTS": "h0.svc,h1.svc", "MA_NUM_GPUS": "8"}
    assert Machines.from_modelarts(env) == Machines(count=2, index=1, address="h0.svc", port=29500, processes=8)
    with pytest.raises(SettingsError, match="--platform modelarts: 'VC_TASK_INDEX' is missing"):
        Machines.from_modelarts({"MA_NUM_HOSTS": "2"})


def test_unknown_arguments_are_ignored_only_on_modelarts(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    arguments = ["--data", "shapes", "--data_url", "obs://b/d", "--init_method", "tcp://h:1"]
    settings = read_train_settings([*arguments, "--platform", "modelarts"])
    assert settings.dataset.data == "shapes"
    assert (
        "--platform modelarts: ignored unknown arguments: --data_url obs://b/d --init_method tcp://h:1" in caplog.text
    )
    with pytest.raises(SystemExit):
        read_train_settings(arguments)
    assert "data_url" in capsys.readouterr().err


def test_a_job_id_names_launcher_and_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def job_id_of(*arguments: str) -> str:
        with join_group(GroupOptions.from_arguments([*arguments, "--device", "cpu"])):
            return job_id()

    assert job_id_of("--epochs", "3") == ""
    for name, value in environment(0, 1, free_port()).items():
        monkeypatch.setenv(name, value)
    first = job_id_of("--epochs", "3")
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert job_id_of("--epochs", "3") == first
    assert job_id_of("--epochs", "4") != first
    assert first.startswith("torchrun j ")


def test_the_examples_in_the_docs_have_valid_arguments() -> None:
    script = (DOCS / "examples" / "train.slurm").read_text()
    subprocess.run(["bash", "-n", DOCS / "examples" / "train.slurm"], check=True)
    command = script.replace("\\\n", " ").split("python -m yolo.train")[1].split()
    assert read_train_settings(command).images_per_batch == 128
    manifest = yaml.safe_load((DOCS / "examples" / "pytorchjob.yaml").read_text())
    (container,) = manifest["spec"]["pytorchReplicaSpecs"]["Worker"]["template"]["spec"]["containers"]
    assert container["command"] == ["torchrun", "-m", "yolo.train"]
    settings = read_train_settings(container["args"])
    assert (settings.dataset.data, settings.run.project) == ("s3://bucket/blood/data.yaml", "s3://bucket/runs")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Sixteen images of one square."""
    for split in ("train", "val"):
        for number in range(8):
            write_image(tmp_path / split / "images" / f"{number}.png", paint((32, 32), [(8, 8, 24, 24)]).image)
            put_text(tmp_path / split / "labels" / f"{number}.txt", "0 0.5 0.5 0.5 0.5\n")
    return put_text(tmp_path / "data.yaml", "path: .\ntrain: train/images\nval: val/images\nnames: [square]\n")


@pytest.mark.e2e
def test_a_killed_process_stops_the_others_and_the_job_restarts(data: Path, tmp_path: Path) -> None:
    command = f"{sys.executable} -m yolo.train --data {data} --cfg shapes --img-size 32 --batch-size 4 --epochs 16"
    command += " --workers 0 --cache none --device cpu --preview-period 0 --nproc 2 --max-restarts 1"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    results = tmp_path / "runs" / "train" / "results.csv"
    listening: set[str] = set()
    with subprocess.Popen(
        command.split(), cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        killer = threading.Thread(target=kill_rank_1, args=(process.pid, results, listening))
        killer.start()
        log = process.stderr.read()
        killer.join()
    assert process.returncode == 0, log
    assert "restarted by its launcher: resuming runs/train" in log
    assert "2 processes, 2 images a batch each" in log
    with results.open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == [str(epoch + 1) for epoch in range(16)]
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["train"]
    assert listening <= {"127.0.0.1", "::1"}, "other machines reach a port of a run on one machine"


def kill_rank_1(parent: int, results: Path, listening: set[str]) -> None:
    """Kill rank 1 after three epochs, and note the addresses at which the run listens."""
    while not (results.is_file() and len(results.read_text().splitlines()) > 3):
        time.sleep(0.05)
    launcher = psutil.Process(parent)
    for process in [launcher, *launcher.children(recursive=True)]:
        sockets = process.net_connections(kind="inet")
        listening.update(each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN)
        if process.environ().get("RANK") == "1":
            process.send_signal(signal.SIGKILL)
