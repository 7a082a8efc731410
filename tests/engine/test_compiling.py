from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from yolo.engine.compiling import compile_model
from yolo.engine.ema import ModelEma
from yolo.errors import SettingsError

CPU = torch.device("cpu")


@pytest.mark.parametrize(("dynamic", "expected"), [(True, True), (False, None)])
def test_compiling_keeps_parameter_names_and_leaves_copies_uncompiled(
    monkeypatch: pytest.MonkeyPatch, dynamic: bool, expected: bool | None
) -> None:
    calls: list[object] = []

    def compiled(function: Any, **settings: Any) -> Any:
        calls.append(settings["dynamic"])

        def call(*arguments: Any) -> Any:
            calls.append("compiled")
            return function(*arguments)

        return call

    monkeypatch.setattr(torch, "compile", compiled)
    monkeypatch.setattr("shutil.which", lambda name: "/bin/" + name)
    model = nn.Sequential(nn.Linear(2, 2))
    names = list(model.state_dict())
    ema = ModelEma(model)
    compile_model(model, CPU, dynamic=dynamic)
    assert list(model.state_dict()) == names
    later = ModelEma(model)
    for averaged in (ema.model, later.model):
        averaged(torch.ones(2))
    assert calls == [expected]
    model(torch.ones(2))
    assert calls == [expected, "compiled"]


@pytest.mark.parametrize(("environment", "missing"), [(None, "g++, clang++, c++, cl is"), ("mycc", "mycc is")])
def test_a_missing_compiler_is_an_error(monkeypatch: pytest.MonkeyPatch, environment: str | None, missing: str) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.delenv("CXX", raising=False)
    if environment:
        monkeypatch.setenv("CXX", environment)
    with pytest.raises(SettingsError) as caught:
        compile_model(nn.Linear(1, 1), CPU, dynamic=False)
    assert str(caught.value).startswith(f"--compile: on cpu PyTorch needs a C++ compiler, and {missing} not found; ")
