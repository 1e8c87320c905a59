"""What is left of a taught buffer where this package is unknown: SB3's own, with labels beside it.

A pickled buffer has the class it was made of. Its priors lie in one attribute that SB3 does not
know, together with a digest of what they belong to: a plain algorithm goes on without them, and
when it has written other steps over those they were made for, they are not used again.
"""

from __future__ import annotations

import hashlib
import pickle
import warnings
from typing import Any

import numpy as np

LABELS = "teacher_labels"
"""The attribute, a dict of arrays ``prior`` and ``weight`` and a ``digest``."""
_OURS = (
    "teacher_priors", "teacher_weights", "teacher_values", "pending", "labelling", "batch",
    "action_dtype", "_staged", "_narrow", "_wide", "_stored", "_by_step",
    "relabel", "_goals", "goal_states",
)  # fmt: skip


def plain_state(buffer: Any) -> dict[str, Any]:
    """Return what is pickled of a taught buffer."""
    own = getattr(super(type(buffer), buffer), "__getstate__", None)
    state = own() if own is not None else None
    state = dict(vars(buffer) if state is None else state)
    for name in _OURS:
        state.pop(name, None)
    if buffer.action_dtype is not None:
        state["actions"] = buffer.actions.astype(buffer.action_dtype)
    taught = bool(buffer.teacher_weights.any())
    return state | ({LABELS: _labels(buffer)} if taught else {})


def _labels(buffer: Any) -> dict[str, Any]:
    labels = {
        "prior": buffer.teacher_priors,
        "weight": buffer.teacher_weights,
        "digest": _digest(buffer),
    }
    states = getattr(buffer, "goal_states", None)
    # As bytes, which any process can load.
    return labels if states is None else {**labels, "goal_states": pickle.dumps(states)}


def take_labels(buffer: Any, labels: dict[str, Any]) -> None:
    """Give a buffer the labels that were saved with it; weight 0 if it has changed since."""
    if labels["digest"] != _digest(buffer):
        warnings.warn(
            f"this {buffer._made_from.__name__} was changed by an algorithm that knows no teacher, "
            "and the priors saved with it may belong to other steps: none of them is taught.",
            stacklevel=5,
        )
        return
    buffer.teacher_priors, buffer.teacher_weights = labels["prior"], labels["weight"]
    if "goal_states" in labels:
        buffer.goal_states = pickle.loads(labels["goal_states"])


def _digest(buffer: Any) -> str:
    digest = hashlib.blake2b(f"{buffer.pos} {buffer.full}".encode(), digest_size=16)
    for name in ("actions", "rewards"):
        digest.update(np.ascontiguousarray(getattr(buffer, name), dtype=np.float64).data)
    return digest.hexdigest()
