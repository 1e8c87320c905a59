"""Without sb3-contrib everything can be looked at, and what needs it says so when it is used."""

import subprocess
import sys
import textwrap

LOOK = """
    import sys
    sys.modules["sb3_contrib"] = None
    from gym_llmteacher import *
    import gym_llmteacher, inspect, pydoc
    assert all(hasattr(gym_llmteacher, name) for name in gym_llmteacher.__all__)
    assert "TeacherMaskablePPO" in pydoc.render_doc(gym_llmteacher)
    assert "gym-llmteacher[contrib]" in inspect.getdoc(TeacherRecurrentPPO)
    load, make = TeacherMaskablePPO.load, TeacherRecurrentPPO
    for use in (lambda: make("MlpLstmPolicy", None), lambda: load("x")):
        try:
            use()
        except ContribMissingError as error:
            print(error)
"""


def test_a_look_around_without_it():
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LOOK)], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    first, second = ran.stdout.splitlines()
    assert "TeacherRecurrentPPO needs sb3-contrib" in first
    assert "pip install 'gym-llmteacher[contrib]'" in second
