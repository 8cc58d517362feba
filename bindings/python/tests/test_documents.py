"""The examples in docstrings and in the README run as they are written."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tidegate

README = Path(__file__).parent.parent / "README.md"
MODULES = sorted(
    module.name for module in pkgutil.iter_modules(tidegate.__path__, prefix="tidegate.")
)


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        pytest.skip(f"{name} is for users of {missing.name}")
    failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert failed == 0


def test_the_public_names_are_listed_and_documented() -> None:
    assert sorted(tidegate.__all__) == tidegate.__all__
    for name in tidegate.__all__:
        if name != "__version__":
            assert getattr(tidegate, name).__doc__, name


def test_the_readme_works_when_pasted(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for number, block in enumerate(blocks):
        if block.startswith("# needs "):
            needed = block.splitlines()[0].removeprefix("# needs ").split(", ")
            if any(importlib.util.find_spec(name) is None for name in needed):
                continue
        program = tmp_path / f"block{number}.py"
        program.write_text(block, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", str(program)],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": ""},
        )
        assert (done.returncode, done.stderr) == (0, ""), block
