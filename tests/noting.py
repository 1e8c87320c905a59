"""A condition that takes note of what it is shown."""

import numpy as np

from gym_llmteacher import Condition, Situation

HERE = Situation("here", ("a", "b"), np.eye(2, dtype=np.float32))


class Noting(Condition):
    """Notes what it is shown."""

    name = "noting"

    def __init__(self, asks=True):
        self.asks, self.moments = asks, []

    def holds(self, moment):
        self.moments.append(moment)
        return self.asks
