"""Documents: what Python has as dicts and keywords, as the JSON that the engine takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["Document"]

#: A document: JSON as text, or what json.dumps() makes JSON of.
Document = str | Mapping[str, Any]


def json_of(document: Document | None) -> str | None:
    """The text of a document; None for none."""
    if document is None or isinstance(document, str):
        return document
    if isinstance(document, Mapping):
        return json.dumps(document, allow_nan=False)
    raise TypeError(f"a configuration is a dict or JSON as str, not {type(document).__name__}")


def options_of(**fields: Any) -> str | None:
    """The text of the options that are given; None when none is."""
    given = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(given, allow_nan=False) if given else None


def guard_of(document: Document | None, fields: dict[str, Any]) -> str | None:
    """The text of a guard's configuration, which comes as a document or as fields."""
    if fields and document is not None:
        raise TypeError("give a configuration either as one document or as fields, not both")
    return json_of(fields or document)


def with_labels(options: str | None, labels: Mapping[str, str | int]) -> str:
    """The options of a metric, with labels beside those that it has."""
    found: dict[str, Any] = json.loads(options) if options else {}
    has: dict[str, str] = found.get("labels", {})
    for name in labels:
        if name in has:
            raise ValueError(f"the label {name} is {has[name]!r} here already")
    found["labels"] = has | {name: str(value) for name, value in labels.items()}
    return json.dumps(found, allow_nan=False)
