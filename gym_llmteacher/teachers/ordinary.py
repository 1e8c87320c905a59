"""An ordinary situation, to try a model with before any env has been in one."""

import numpy as np

from gym_llmteacher.situation import Situation, Subgoal

ORDINARY = Situation(
    "Agent sees <key>. Agent holds <nothing>.",
    ("explore", "go to key", "pick up key"),
    np.zeros((3, 1), dtype=np.float32),
    task="get the key, then open the door",
    state="The agent holds nothing.",
    subgoals=(Subgoal("key", ("go to key", "pick up key")), Subgoal("door", ("explore",))),
)
