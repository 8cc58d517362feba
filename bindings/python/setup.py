"""Builds the extension: the library by cargo, then native/*.c around it.

The library is linked in, so the wheel holds one file of machine code, needs nothing beside it, and
a call costs no jump through a table. Environment variables, none of them needed:

TIDEGATE_LIBRARY  a libtidegate.a that is already built; cargo is not called then
TIDEGATE_PROFILE  cargo's profile, `release` unless it says otherwise
TIDEGATE_LINK     libraries to link besides, for a compiler that brings no unwinder
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Stable since 3.10: METH_FASTCALL, PyUnicode_AsUTF8AndSize, the state of a module from its types.
STABLE = 0x030A0000
# The stable ABI of a build without the interpreter's lock is another one.
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def version() -> str:
    """The library's: it is written in no other place."""
    header = (ROOT / "include" / "tidegate.h").read_text(encoding="utf-8")
    found = re.search(r'#define TIDEGATE_VERSION "([^"]+)"', header)
    if found is None:
        raise SystemExit("include/tidegate.h names no version")
    return found[1]


def library() -> Path:
    """The static library: named, or built by cargo."""
    if named := os.environ.get("TIDEGATE_LIBRARY"):
        path = Path(named).resolve()
    else:
        profile = os.environ.get("TIDEGATE_PROFILE", "release")
        command = ["cargo", "build", "--package", "tidegate", "--lib", "--profile", profile]
        try:
            subprocess.run(command, cwd=ROOT, check=True)
        except FileNotFoundError:
            raise SystemExit(
                "tidegate is built from source with cargo (Rust), which was not found: install"
                " it, or a wheel"
            ) from None
        target = Path(os.environ.get("CARGO_TARGET_DIR", "target"))
        folder = "debug" if profile == "dev" else profile
        path = ROOT / target / folder / "libtidegate.a"
    if not path.is_file():
        raise SystemExit(f"{path} is not there")
    return path


class Build(build_ext):
    """Builds the library before what is linked with it."""

    def build_extension(self, ext: Extension) -> None:
        path = library()
        ext.extra_objects = [str(path)]
        ext.depends = [*ext.depends, str(path)]
        super().build_extension(ext)


class Wheel(bdist_wheel):
    """One wheel for every CPython from 3.10 on."""

    def finalize_options(self) -> None:
        if not FREE_THREADED:
            self.py_limited_api = "cp310"
        super().finalize_options()


link = ["-Wl,-S"]
libraries = []
if sys.platform == "linux":
    link = [
        "-Wl,--strip-debug",
        "-Wl,--gc-sections",
        # Only PyInit__native is for others to see.
        f"-Wl,--version-script={HERE / 'native' / 'exports.map'}",
        # The kernel keeps a pointer into the code of a thread's last restartable sequence.
        "-Wl,-z,nodelete",
        "-Wl,-z,now",
    ]
    libraries = ["pthread", "dl", "m"]
libraries += os.environ.get("TIDEGATE_LINK", "").split()

setup(
    version=version(),
    package_dir={"": "src"},
    ext_modules=[
        Extension(
            "tidegate._native",
            sources=sorted(
                path.relative_to(HERE).as_posix() for path in (HERE / "native").glob("*.c")
            ),
            depends=[
                "native/native.h",
                "native/exports.map",
                os.path.relpath(ROOT / "include" / "tidegate.h", HERE),
            ],
            include_dirs=["native", os.path.relpath(ROOT / "include", HERE)],
            define_macros=[] if FREE_THREADED else [("Py_LIMITED_API", hex(STABLE))],
            extra_compile_args=[
                "-std=c11",
                "-O2",
                "-fvisibility=hidden",
                "-Wall",
                "-Wextra",
                "-Wno-cast-function-type",
                "-Wno-missing-field-initializers",
            ],
            extra_link_args=link,
            libraries=libraries,
            py_limited_api=not FREE_THREADED,
        )
    ],
    cmdclass={"build_ext": Build, "bdist_wheel": Wheel},
)
