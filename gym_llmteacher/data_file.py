"""Names and values from a file of YAML or JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from gym_llmteacher.errors import TeacherError


def read_data(
    path: str | os.PathLike[str], kind: str, example: str, error: type[TeacherError]
) -> dict[str, Any]:
    """Read a file of YAML, or of JSON if its name ends so.

    :param kind: what it is to be: ``"a curriculum"``
    :param example: where one is shown: ``"docs/curricula.md has one"``
    :param error: what is raised where there is none, it is neither, or holds no names and values
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        if str(path).endswith(".json"):
            written = json.loads(text)
        else:
            import yaml  # no dependency of this package, though of most that use it

            written = yaml.safe_load(text)
    except ImportError:
        raise error(
            f"{str(path)!r} is read as YAML, and pyyaml is not installed. Cure: pip install "
            "pyyaml, or write it as JSON into a file whose name ends in .json."
        ) from None
    except Exception as trouble:  # of the file system, or of a parser
        raise error(
            f"{str(path)!r} cannot be read as {kind} ({trouble}), expected a file of YAML or "
            f"JSON: {example}."
        ) from None
    if not isinstance(written, dict):
        raise error(f"{str(path)!r} holds {written!r}, expected names and values: {example}.")
    return written
