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
import types
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

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


def public(of: object, name: str) -> Iterator[tuple[str, object]]:
    """What a class or module of ours has that others use, with where it is."""
    for attribute, found in sorted(vars(of).items()):
        inner = getattr(found, "fget", None) or found
        if attribute.startswith("_") or isinstance(found, ModuleType):
            continue
        module = getattr(inner, "__module__", None) or getattr(of, "__module__", "")
        if str(module).startswith("tidegate") and (callable(inner) or hasattr(inner, "__get__")):
            yield f"{name}.{attribute}", inner
            if isinstance(inner, type):
                yield from public(inner, f"{name}.{attribute}")


@pytest.mark.parametrize("name", ["tidegate", *MODULES])
def test_everything_public_says_what_it_does(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        pytest.skip(f"{name} is for users of {missing.name}")
    assert module.__doc__
    # Fields of named tuples and members of enums say it at their class.
    plain = (int, types.MemberDescriptorType)
    silent = [
        where
        for where, found in public(module, name)
        if not getattr(found, "__doc__", None) and not isinstance(found, plain)
    ]
    assert silent == []


def test_the_command_finds_everything_in_order() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-m", "tidegate"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.count("\nok ") == 5
    assert f"tidegate {tidegate.__version__}" in done.stdout


def test_the_command_looks_at_a_region(
    region: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tidegate.__main__ import main

    with tidegate.Engine({"region": {"path": str(region)}}) as engine:
        engine.counter("hits").inc(3)
        assert main([str(region)]) == 0
    assert "hits_total 3" in capsys.readouterr().out
    assert main(["/nowhere/at/all"]) == 1
    assert "/nowhere/at/all" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0


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
