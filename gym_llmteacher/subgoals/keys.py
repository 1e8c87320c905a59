"""Keys of the Dict observations of `SubgoalWrapper`."""

OBSERVATION, SUBGOAL = "observation", "subgoal"
