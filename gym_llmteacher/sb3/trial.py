"""A student kept aside while another is taught on trial."""

from __future__ import annotations

import io
from typing import Any

import torch as th


def kept(model: Any) -> bytes:
    """Policy and optimizer of a student, as bytes."""
    buffer = io.BytesIO()
    th.save((model.policy.state_dict(), model.policy.optimizer.state_dict()), buffer)
    return buffer.getvalue()


def bring_back(model: Any, student: bytes) -> None:
    """Put policy and optimizer of a student that was kept in the place of the present ones."""
    policy, optimizer = th.load(io.BytesIO(student), weights_only=True, map_location=model.device)
    model.policy.load_state_dict(policy)
    model.policy.optimizer.load_state_dict(optimizer)
