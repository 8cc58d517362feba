"""Says whether a wheel is what its name promises: wheel_check.py WHEEL glibc|musl RUSTLIB

It must hold one extension for the processor of its name, which needs the libc of its name and no other
library, of a version that is old enough, and shows one symbol. What it wants of musl must be in the libc.a that Rust brings in
RUSTLIB, the folder `lib` of the target; versions of symbols tell nothing there.
"""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile

from elftools.elf.elffile import ELFFile

# How a wheel's name ends, what an ELF file calls that, and its loader.
MACHINES = {
    "x86_64": ("EM_X86_64", "ld-linux-x86-64.so.2"),
    "aarch64": ("EM_AARCH64", "ld-linux-aarch64.so.1"),
}
NEWEST_GLIBC = (2, 17)


def musl_symbols(rustlib: str) -> set[str]:
    """What musl defines."""
    command = ["nm", "--defined-only", "--format=just-symbols", f"{rustlib}/self-contained/libc.a"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True)
    return set(listed.stdout.split())


def problems(path: str, libc: str, rustlib: str) -> list[str]:
    """What is wrong with it."""
    found = []
    machine_name = next((name for name in MACHINES if path.endswith(f"_{name}.whl")), None)
    if machine_name is None:
        return [f"its name does not end in one of {sorted(MACHINES)}"]
    elf_machine, loader = MACHINES[machine_name]
    allowed = {
        "glibc": {"libc.so.6", "libpthread.so.0", "libdl.so.2", "libm.so.6", loader},
        "musl": {"libc.so", f"libc.musl-{machine_name}.so.1"},
    }[libc]
    with zipfile.ZipFile(path) as wheel:
        machine = [name for name in wheel.namelist() if name.endswith(".so")]
        if machine != ["tidegate/_native.abi3.so"]:
            return [f"it holds {machine}, not one extension for the stable ABI"]
        elf = ELFFile(io.BytesIO(wheel.read(machine[0])))
    if elf["e_machine"] != elf_machine:
        found.append(f"it is for {elf['e_machine']}")
    needed = {tag.needed for tag in elf.get_section_by_name(".dynamic").iter_tags("DT_NEEDED")}
    if needed - allowed:
        found.append(f"it needs {sorted(needed - allowed)}")
    versions = elf.get_section_by_name(".gnu.version_r")
    for _, names in versions.iter_versions() if versions is not None else ():
        for name in names:
            family, _, number = name.name.partition("_")
            if libc != "glibc" or family != "GLIBC":
                found.append(f"it needs {name.name}")
            elif tuple(map(int, number.split("."))) > NEWEST_GLIBC:
                found.append(f"it needs {name.name}, which is newer than 2.17")
    symbols = [symbol for symbol in elf.get_section_by_name(".dynsym").iter_symbols() if symbol.name]
    shown = [
        symbol.name
        for symbol in symbols
        if symbol["st_shndx"] != "SHN_UNDEF" and symbol["st_info"]["bind"] != "STB_LOCAL"
    ]
    if shown != ["PyInit__native"]:
        found.append(f"it shows {shown}")
    if libc == "musl":
        wanted = {
            symbol.name
            for symbol in symbols
            if symbol["st_shndx"] == "SHN_UNDEF"
            and symbol["st_info"]["bind"] != "STB_WEAK"
            and not symbol.name.startswith(("Py", "_Py"))
        }
        if missing := wanted - musl_symbols(rustlib):
            found.append(f"musl does not have {sorted(missing)}")
    return found


def main() -> int:
    """Runs the command; gives the exit code."""
    if len(sys.argv) != 4 or sys.argv[2] not in ("glibc", "musl"):
        print(__doc__, file=sys.stderr)
        return 2
    _, path, libc, rustlib = sys.argv
    found = problems(path, libc, rustlib)
    for problem in found:
        print(f"{path}: {problem}", file=sys.stderr)
    if not found:
        print(f"{path}: one extension for {libc}, which needs nothing else")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
