"""Mixes that harm the student, or hold it back."""

import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from gym_llmteacher import (
    CurriculumCallback,
    Writer,
)
from gym_llmteacher.curriculum.report import Rate
from gym_llmteacher.curriculum.space import key_of
from tests.walk import ORIGINAL, curriculum


def test_a_mix_that_harms_is_dropped_and_the_last_good_one_comes_back():
    ladder = iter([[{"length": n, "ice": False}] for n in (1, 2, 3, 4, 5)])

    class Script(Writer):
        def propose(self, report, space, n, rng):
            return next(ladder)

    one = curriculum(Script())
    lengths, kept = [], []
    for won in (10, 14, 2, 14, 15):
        mix = one.next({"walk": Rate.of(won, 20)})
        lengths.append([each["length"] for each in mix])
        kept.append(one.history[-1]["kept"])
    # The second fell to 2 of 20: what had been good before, comes back for a cycle.
    assert kept == [True, True, False, True, True]
    assert lengths == [[1], [2], [1], [4], [5]]


def test_a_mix_whose_harm_shows_late_does_not_come_back():
    class Same(Writer):
        def propose(self, report, space, n, rng):
            return [{"length": 3, "ice": True}, ORIGINAL]

    one = curriculum(Same())
    mixes = [one.next({"walk": Rate.of(won, 20)}) for won in (10, 11, 2, 10, 10)]
    assert mixes[1] == [{"length": 3, "ice": True}, ORIGINAL]
    assert mixes[2:] == [[ORIGINAL]] * 3  # the original is exempt
    again = curriculum(Same())
    again.resume(one.saved())
    assert again.next({"walk": Rate.of(10, 20)}) == [ORIGINAL]


class Ice(Writer):
    """The same every time."""

    def propose(self, report, space, n, rng):
        return [{"length": 3, "ice": True}]


def after(one, wins, improved=()):
    """The mixes after cycles in which so many of twenty were won."""
    return [one.next({"walk": Rate.of(won, 20)}, improved=improved) for won in wins]


def test_a_mix_that_holds_the_student_back_is_found_by_a_control():
    one = curriculum(Ice())
    ice = Ice().propose(*[None] * 4)
    # No rise with it in two cycles, so the originals alone come; then a rise from 10 to 18 of 20.
    assert after(one, (10, 10, 10, 18, 18, 19)) == [ice, ice, [], [], [], []]
    assert [line["doubted"] for line in one.history] == [False] * 2 + [True] + [False] * 3
    assert all(line["kept"] for line in one.history)


def test_a_mix_is_cleared_where_the_control_brings_no_more():
    one = curriculum(Ice())
    ice = Ice().propose(*[None] * 4)
    # From 10 to 12 is no more than noise; later standstills raise no new doubt.
    assert after(one, (10, 10, 10, 12, 12, 12, 12)) == [ice, ice, [], ice, ice, ice, ice]


def test_progress_in_the_mix_or_in_the_original_raises_no_doubt():
    ice = Ice().propose(*[None] * 4)
    assert after(curriculum(Ice()), (0, 0, 0, 0), improved={key_of(ice[0])}) == [ice] * 4
    assert after(curriculum(Ice()), (0, 0, 1, 1, 2)) == [ice] * 5
    one = curriculum(Ice())
    for won in (0, 0, 9):  # in the mix, from one cycle to the next
        mix = one.next({"walk": Rate.of(0, 20)}, {key_of(ice[0]): Rate.of(won, 20)})
    assert mix == ice


def test_originals_are_not_doubted():
    class Same(Writer):
        def propose(self, report, space, n, rng):
            return [ORIGINAL]

    assert after(curriculum(Same()), (10, 10, 10, 10)) == [[ORIGINAL]] * 4


def test_a_control_is_resumed():
    one, again = curriculum(Ice()), curriculum(Ice())
    after(one, (10, 10, 10))
    again.resume(one.saved())
    assert after(again, (18, 18)) == [[], []]
    one.next({"walk": Rate.of(11, 20)})
    again.resume(one.saved())
    assert after(again, (11, 11)) == [Ice().propose(*[None] * 4)] * 2


@pytest.mark.parametrize("restore", [False, True])
def test_what_was_learned_in_a_mix_that_harms_is_undone_if_wanted(restore):
    class Same(Writer):
        def propose(self, report, space, n, rng):
            return [{"length": 3, "ice": False}]

    one = curriculum(Same())
    model = PPO("MlpPolicy", make_vec_env(one.make, 1), n_steps=16, batch_size=16, device="cpu")
    callback = CurriculumCallback(one, every=16, episodes=20, restore=restore)
    falls, measured, after = iter([17, 18, 2]), [], []

    def weights():
        return model.policy.state_dict()["action_net.weight"].clone()

    def measure():
        measured.append(weights())
        return {"walk": Rate.of(next(falls), 20)}, {}

    cycle = callback._cycle
    callback._measure, callback._cycle = measure, lambda: (cycle(), after.append(weights()))
    model.learn(32, callback=callback)
    assert [line["kept"] for line in one.history] == [True, True, False]
    assert not measured[1].equal(measured[2])
    assert after[2].equal(measured[1] if restore else measured[2])


def test_a_slow_decline_is_a_fall_too():
    one = curriculum()
    for won in (80, 76, 72, 69):
        one.next({"walk": Rate.of(won, 100)})
    assert [line["kept"] for line in one.history] == [True, True, True, False]
