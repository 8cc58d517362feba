"""Engines for tests: on the manual clock, closed at the end."""

from __future__ import annotations

import contextlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tidegate import Engine


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine on the manual clock."""
    with Engine({"clock": "manual"}) as opened:
        yield opened


@pytest.fixture
def region() -> Iterator[Path]:
    """A path for a region file, in memory where there is such a place."""
    folder = "/dev/shm" if os.path.isdir("/dev/shm") else tempfile.gettempdir()
    path = Path(folder) / f"tidegate-test-{uuid.uuid4().hex}"
    yield path
    # Windows removes no file that is mapped.
    refused = (PermissionError,) if os.name == "nt" else ()
    with contextlib.suppress(*refused):
        path.unlink(missing_ok=True)
