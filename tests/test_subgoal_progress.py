"""Subgoals by themselves: when they are done, and what they pay."""

import numpy as np
import pytest

from gym_llmteacher import Situation
from gym_llmteacher.groundings.target import Target
from gym_llmteacher.subgoals.bonus import Instalments, Paid, Potential, Way
from gym_llmteacher.subgoals.progress import Progress


def here(text, **does):
    """A situation whose options do these actions; ``None``: they do not apply."""
    rows = np.zeros((len(does), 3), dtype=np.float32)
    for row, action in zip(rows, does.values(), strict=True):
        if action is not None:
            row[action] = 1
    return Situation(text, tuple(name.replace("_", " ") for name in does), rows)


KEY, PLACE = Target(3, 0, kind=5), Target(3, 0, left=2)
ARRIVING = PLACE._replace(left=1)
FAR = here("key", go_to_key=0, pick_up_key=None)
NEAR = here("key", go_to_key=None, pick_up_key=1)


@pytest.mark.parametrize(
    ("before", "action", "after", "target", "done", "current"),
    [
        (FAR, 0, NEAR, KEY, True, "pick up key"),
        (FAR, 1, NEAR, KEY, False, "go to key"),  # it was somebody else's doing
        (FAR, 0, FAR, KEY, False, "go to key"),
        (FAR, 0, here("dark", look=0), KEY, True, "pick up key"),
        (FAR, 1, here("dark", look=0), KEY, False, None),  # out of date
        (FAR, 0, here("more", go_to_key=0), KEY, False, "go to key"),
        (FAR, 0, here("more", go_to_key=0), None, True, "pick up key"),  # news is what it wanted
        (FAR, 1, here("more", go_to_key=0), None, False, None),
        (FAR, 0, FAR, PLACE, False, "go to key"),
        (FAR, 0, FAR, ARRIVING, True, "go to key"),  # and on to the next place
        (FAR, 1, FAR, ARRIVING, False, "go to key"),
        (FAR, 0, here("more", go_to_key=0), ARRIVING, True, "pick up key"),
    ],
)
def test_when_an_option_is_done(before, action, after, target, done, current):
    progress = Progress()
    progress.begin(("go to key", "pick up key"), FAR)
    assert progress.step(before, action, after, target) is done
    assert progress.current == current
    assert progress.reached == int(done)


def test_what_is_done_already_is_left_out_of_a_new_plan():
    progress = Progress()
    progress.begin(("go to key", "pick up key"), NEAR)
    assert progress.current == "pick up key"


def test_a_student_that_turns_away_still_has_the_subgoal():
    progress = Progress()
    progress.begin(("go to key", "pick up key"), FAR)
    progress.step(FAR, 0, NEAR, KEY)
    assert not progress.step(NEAR, 2, FAR, KEY)
    assert progress.current == "pick up key"
    assert not progress.step(FAR, 0, NEAR, KEY)  # going there again is paid no more
    assert progress.step(NEAR, 1, here("held", drop=0), KEY)
    assert (progress.current, progress.reached) == (None, 2)


def test_what_is_done_once_more_does_not_count_again():
    progress = Progress()
    for _ in range(3):  # to the key, and away from it
        progress.begin(("go to key",), FAR)
        assert progress.step(FAR, 0, NEAR, KEY)
    assert progress.reached == 1
    for place, reached in (((1, 2), 2), ((3, 2), 3), ((1, 2), 3)):
        progress.begin(("go to key",), FAR)
        assert progress.step(FAR, 0, FAR, ARRIVING._replace(place=place))
        assert progress.reached == reached


def test_the_paper_pays_less_the_longer_it_took():
    bonus = Paid(0.2, longest=10)
    assert bonus.pay(Way(1), Way(2), 5, "") == pytest.approx(0.1)
    assert bonus.pay(Way(1), Way(2), 30, "won") == 0.0
    assert bonus.pay(Way(2, 5), Way(2, 4), 1, "") == 0.0


@pytest.mark.parametrize("end", ["won", "lost"])
@pytest.mark.parametrize("reached", [[0, 1, 1, 2], [0, 0, 0, 0], [3, 3, 4, 9]])
def test_the_potential_leaves_every_episode_its_return(reached, end):
    """Discounted, what it pays comes to minus the first potential, on any way."""
    bonus = Potential(3.0, gamma=0.9)
    ways = [Way(n, left) for n, left in zip(reached, (4, 2, None, 7), strict=True)]
    ways.append(Way(99, 1))  # whatever is said of the last one does not count
    paid = [bonus.pay(ways[i], ways[i + 1], 1, end if i == 3 else "") for i in range(4)]
    x = reached[0] + 0.9**4
    assert sum(0.9**i * one for i, one in enumerate(paid)) == pytest.approx(-3.0 * x / (x + 5))


@pytest.mark.parametrize("reached", [[0, 1, 2, 2], [0, 0, 0, 0], [0, 2, 9, 30]])
def test_instalments_come_to_the_same_for_every_episode_that_is_won(reached):
    bonus = Instalments(2.0, share=0.1)
    ways = [Way(n) for n in (*reached, reached[-1] + 1)]
    won = [bonus.pay(ways[i], ways[i + 1], 1, "won" if i == 3 else "") for i in range(4)]
    lost = [bonus.pay(ways[i], ways[i + 1], 1, "lost" if i == 3 else "") for i in range(4)]
    assert min(won + lost) >= 0
    assert sum(won) == pytest.approx(2.0)
    assert sum(lost) == pytest.approx(2.0 * (1 - 0.9 ** reached[-1]))
