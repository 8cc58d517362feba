"""Builds the extension: the library by cargo, then native/*.c around it.

On Windows both are built with MinGW's gcc, whose programs run beside those of other compilers.

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
WINDOWS = sys.platform == "win32"
# The only target of Rust for Windows whose archives gcc links.
WINDOWS_TARGET = "x86_64-pc-windows-gnu"


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
        command = ["cargo", "build", "--package", "tidegate-capi", "--lib", "--profile", profile]
        if WINDOWS:
            command += ["--target", WINDOWS_TARGET]
        try:
            subprocess.run(command, cwd=ROOT, check=True)
        except FileNotFoundError:
            raise SystemExit(
                "tidegate is built from source with cargo (Rust), which was not found: install"
                " it, or a wheel"
            ) from None
        target = Path(os.environ.get("CARGO_TARGET_DIR", "target"))
        if WINDOWS:
            target /= WINDOWS_TARGET
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
        if WINDOWS:
            self.build_with_gcc(ext)
        else:
            super().build_extension(ext)

    def build_with_gcc(self, ext: Extension) -> None:
        """One call of gcc: setuptools would link it as it does its own compiler's objects."""
        made = Path(self.get_ext_fullpath(ext.name))
        made.parent.mkdir(parents=True, exist_ok=True)
        imports = Path(sys.base_prefix) / "libs"
        macros = [f"-D{name}={value}" for name, value in ext.define_macros]
        folders = [*ext.include_dirs, sysconfig.get_path("include")]
        command = [
            *(os.environ.get("CC", "gcc").split() + ["-shared", "-o", str(made)]),
            *(ext.extra_compile_args + macros + [f"-I{folder}" for folder in folders]),
            *(ext.sources + ext.extra_objects + ext.extra_link_args),
            *(f"-l{name}" for name in ext.libraries),
            str(imports / ("python3t.lib" if FREE_THREADED else "python3.lib")),
        ]
        subprocess.run(command, check=True)


class Wheel(bdist_wheel):
    """One wheel for every CPython from 3.10 on."""

    def finalize_options(self) -> None:
        if not FREE_THREADED:
            self.py_limited_api = "cp310"
        super().finalize_options()


link = []
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
elif sys.platform == "darwin":
    link = ["-Wl,-S", "-Wl,-dead_strip", "-Wl,-exported_symbol,_PyInit__native"]
elif WINDOWS:
    # gcc's own libraries are linked in; the rest is what every Windows has.
    link = ["-static", "-Wl,--strip-all", "-Wl,--exclude-all-symbols"]
    libraries = ["pthread", "kernel32", "ntdll", "bcrypt", "userenv", "ws2_32", "dbghelp"]
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
