"""Rules of the package's structure that no linter checks."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "yolo").rglob("*.py"))
ROOMS = sorted(path.parent.name for path in (ROOT / "yolo").glob("*/__init__.py"))
MAX_LINES = 300


def test_no_class_name_stands_twice() -> None:
    places = defaultdict(list)
    for path in MODULES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(path.relative_to(ROOT).as_posix())
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_is_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_says_what_it_knows_and_the_map_names_it(room: str) -> None:
    docstring = ast.get_docstring(ast.parse((ROOT / "yolo" / room / "__init__.py").read_text(encoding="utf-8")))
    assert docstring is not None
    assert len(docstring) > 60, f"yolo/{room}/__init__.py: say what the room knows and what it must not know"
    assert f"`{room}/`" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_map_names_every_file_at_the_top() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    names = {path.name for path in (ROOT / "yolo").glob("*.py")} - {"__init__.py"}
    assert {name for name in names if f"`{name}`" not in text} == set()


def test_nothing_tells_people_to_install_the_package_of_another_project() -> None:
    texts = [*MODULES, *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.py"), *ROOT.glob("*.md")]
    pattern = re.compile(r"pip3? install[^`\n]*[ '\"]yolo(?![-\w/.])")  # PyPI's `yolo` has nothing to do with this one
    assert [path for path in texts if pattern.search(path.read_text(encoding="utf-8"))] == []
