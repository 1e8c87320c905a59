"""Three rows of advice, and what gates make of their weights."""

import torch as th

from gym_llmteacher.learning.gates import GateInputs, as_gates
from gym_llmteacher.learning.gating import gated_weight

PRIOR = th.tensor([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [1 / 3, 1 / 3, 1 / 3]])
WEIGHT = th.tensor([1.0, 0.5, 1.0])


def gated(gates, advantages=(0.0, 0.0, 0.0), now=(1.0, 1.0, 1.0), then=(1.0, 1.0, 1.0), **rows):
    """Weights after the gates, of a student who always chose action 0."""
    given = {
        "log_probs": PRIOR.log(), "prior": PRIOR, "weight": WEIGHT,
        "actions": th.zeros(3, dtype=th.int64), "advantages": th.tensor(advantages),
        "log_prob": th.tensor(now).log(), "old_log_prob": th.tensor(then).log(),
    }  # fmt: skip
    return gated_weight(as_gates(gates), GateInputs(**{**given, **rows}))
