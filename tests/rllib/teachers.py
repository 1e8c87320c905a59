"""Teachers that travel to the actor, without torch and RLlib in their luggage."""

from gym_llmteacher import ScriptedTeacher


def right(here):
    return (here.text[-1],)


RIGHT = ScriptedTeacher(right)
"""Knows `Echo`: the action is the observation."""


def left(here):
    return (here.options[0],)


def sees(here):
    return (here.options[int(here.obs)],)


def fails(here):
    raise KeyError("a bug")


class Counting(ScriptedTeacher):
    """Counts what it is asked; looks at observations if it is to."""

    reads_observations = False

    def __init__(self, function, reads=False):
        super().__init__(function)
        self.reads_observations = reads
        self.asked = self.probes = 0

    def probe(self):
        self.probes += 1

    def advise(self, situations):
        self.asked += len(situations)
        return super().advise(situations)

    def metrics(self):
        return {"calls": float(self.asked), "probes": float(self.probes)}
