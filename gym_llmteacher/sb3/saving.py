"""Saved students that load where this package, or a user's own class, is unknown.

SB3 saves an attribute that is not JSON by cloudpickle, which remembers a class by its module: to
load a gate, a divergence or a schedule object, the module would have to be there, and plain ``PPO``
has no use for any of them. Such attributes are therefore saved as bytes, which any process can
load, and opened again by a taught algorithm alone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import cloudpickle

from gym_llmteacher.errors import StudentError

_OURS = "teacher_"


def packed(attributes: Mapping[str, Any], exclude: Collection[str] = ()) -> dict[str, bytes]:
    """Return those ``teacher_*`` attributes that are not JSON, as bytes.

    :param exclude: names that are not to be saved
    :raises StudentError: one of them cannot be pickled

    >>> list(packed({"teacher_gates": ("proximal",), "teacher_coef": 1 + 1j, "gamma": 1j}))
    ['teacher_coef']
    """
    found: dict[str, bytes] = {}
    for name, value in attributes.items():
        if name.startswith(_OURS) and name not in exclude and not _is_json(value):
            try:
                found[name] = cloudpickle.dumps(value)
            except Exception as error:  # whatever the user's object raises
                raise StudentError(
                    f"{name} is {value!r} and cannot be pickled ({error}), expected an object "
                    "without locks, open files or connections. Open those lazily, or save with "
                    f'exclude=["{name}"].'
                ) from error
    return found


def unpacked(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that `packed` had made bytes of.

    :raises StudentError: the class of one is not to be found here

    >>> unpacked(packed({"teacher_coef": 1 + 1j}))
    {'teacher_coef': (1+1j)}
    """
    found: dict[str, Any] = {}
    for name, value in attributes.items():
        if name.startswith(_OURS) and isinstance(value, bytes):
            try:
                found[name] = cloudpickle.loads(value)
            except Exception as error:
                raise StudentError(
                    f"{name} of this saved student cannot be loaded ({error}), expected its class "
                    "to be importable as it was where it was saved. Make it so, or replace it: "
                    f"load(path, {name}=...)."
                ) from error
    return found


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
