"""`python -m benchmarks NAME ...` runs a benchmark; without a name, it lists them."""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main() -> None:
    """Run the benchmark that the first argument names."""
    names = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__main__")
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in names:
        for each in names:
            summary = ast.get_docstring(ast.parse((FOLDER / f"{each}.py").read_text(encoding="utf-8"))) or ""
            sys.stdout.write(f"  {each:20}{summary.splitlines()[0]}\n")
        raise SystemExit(f"error: {name}: no such benchmark" if name else 0)
    del sys.argv[1]
    runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
