"""Events of the region as records of :mod:`logging`.

    log = EventLog(engine)
    log.poll()          # from a loop or a timer of yours: tidegate starts no thread

Each record has the event's fields in ``record.tidegate``; breakers that open are warnings.
"""

from __future__ import annotations

import logging

from .engine import Engine

__all__ = ["EventLog"]

WARNINGS = frozenset(("open", "forced_open"))


class EventLog:
    """Logs what happened since the last poll; each has a cursor of its own."""

    def __init__(self, engine: Engine, logger: str | logging.Logger = "tidegate") -> None:
        self.engine = engine
        self.logger = logging.getLogger(logger) if isinstance(logger, str) else logger
        self.cursor = engine.events().cursor

    def poll(self) -> int:
        """Logs the events since the last call, and says how many they were."""
        found = self.engine.events(self.cursor)
        self.cursor = found.cursor
        if found.lost:
            self.logger.warning("%d events were lost: poll more often", found.lost)
        for event in found.events:
            level = logging.WARNING if event.get("to") in WARNINGS else logging.INFO
            self.logger.log(
                level,
                "%s %s: %s",
                event.get("kind"),
                event.get("name"),
                " ".join(f"{name}={event[name]}" for name in sorted(event) if name not in _SAID),
                extra={"tidegate": event},
            )
        return len(found.events)


_SAID = frozenset(("kind", "name", "number"))
