"""Writers of curricula: scripted ones, and a language model whose reply is data."""

import numpy as np
import pytest

from gym_llmteacher import (
    Adversarial,
    Advice,
    EasyToHard,
    Gap,
    LLMWriter,
    ScriptedTeacher,
    TeacherWriter,
)
from gym_llmteacher.curriculum.llm_writer import read_configurations
from gym_llmteacher.curriculum.report import Rate, Report
from gym_llmteacher.curriculum.space import ConfigurationSpace, key_of
from gym_llmteacher.errors import CurriculumError
from gym_llmteacher.testing import FakeLLMServer, FakeReply
from tests.walk import ORIGINAL, SPACE, configuration


def report(successes, mix=(), cycle=1):
    known = {key_of(configuration(n)): Rate.of(won, 10) for n, won in successes.items()}
    return Report(cycle, {}, known, tuple(configuration(n) for n in mix), (ORIGINAL,))


def lengths_of(writer, told, n=2):
    mix = writer.propose(told, ConfigurationSpace(SPACE), n, np.random.default_rng(0))
    return [one["length"] for one in mix]


def test_easy_to_hard_moves_on():
    writer = EasyToHard([configuration(n) for n in (1, 3, 5)])
    assert lengths_of(writer, report({})) == [1, 3]
    assert lengths_of(writer, report({1: 9, 3: 2})) == [3, 5]
    assert lengths_of(writer, report({1: 9, 3: 9, 5: 10})) == [5]


def test_the_adversary_stays_where_it_is_worst():
    told = report({1: 9, 2: 1, 3: 5, 4: 0}, mix=(1, 2, 3, 4))
    assert lengths_of(Adversarial(), told, n=4)[:2] == [4, 2]


def test_the_gap_is_between_teacher_and_student():
    teacher = {1: 1.0, 3: 1.0, 5: 0.9, 8: 0.1}
    writer = Gap({key_of(configuration(n)): share for n, share in teacher.items()},
                 [configuration(n) for n in (8, 5, 3, 1, 9)])  # fmt: skip
    # 1 is learned; 8 the teacher cannot do itself; of 9 it knows nothing.
    assert lengths_of(writer, report({1: 10, 3: 2, 5: 5}), n=2) == [3, 5]
    assert lengths_of(writer, report({1: 10, 3: 2, 5: 5}), n=9) == [3, 5, 8]


def test_a_teacher_chooses_by_what_it_is_told():
    def weakest(situation):
        # "Share of successes of the student: train in length 1, ice False: 0.9; ..."
        told = [part.rpartition(":") for part in situation.text.partition("student:")[2].split(";")]
        worst = min(told, key=lambda part: float(part[2].rstrip(".")))
        return (worst[0].strip(),)

    writer = TeacherWriter(ScriptedTeacher(weakest), [configuration(n) for n in (1, 3, 5)])
    assert lengths_of(writer, report({1: 9, 3: 5, 5: 7}), n=1) == [3]
    assert lengths_of(writer, report({1: 1, 3: 5, 5: 7}), n=3) == [1]  # it names no other


def test_a_teacher_that_names_several_is_drawn_from_and_one_that_abstains_changes_nothing():
    candidates = [configuration(n) for n in (1, 3, 5)]
    even = TeacherWriter(ScriptedTeacher(lambda s: {(name,): 1.0 for name in s.options}),
                         candidates)  # fmt: skip
    drawn = [even.propose(report({}), ConfigurationSpace(SPACE), 2, np.random.default_rng(seed))
             for seed in range(30)]  # fmt: skip
    assert all(len({key_of(one) for one in mix}) == 2 for mix in drawn)
    assert {mix[0]["length"] for mix in drawn} == {1, 3, 5}
    silent = TeacherWriter(ScriptedTeacher(lambda s: Advice.abstain("no idea")), candidates)
    assert lengths_of(silent, report({}, mix=(5,))) == [5]


def test_the_embedded_model_can_choose(tmp_path):
    writer = TeacherWriter(
        "embedded", [configuration(n) for n in (1, 9)], "walk", answers=tmp_path / "answers.sqlite"
    )
    assert lengths_of(writer, report({1: 9, 9: 0}), n=1) in ([1], [9])


@pytest.mark.parametrize("candidates", [(), [configuration(1)], [configuration(1)] * 2])
def test_there_is_something_to_choose(candidates):
    with pytest.raises(CurriculumError, match="expected two different configurations"):
        TeacherWriter("embedded", candidates)


SPACES = ConfigurationSpace(SPACE)


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        ('[{"length": 3, "ice": true}]', 1, 0),
        ('```json\n[{"length": 3, "ice": true}, {"length": 33, "ice": true}]\n```', 1, 1),
        ("I think [so] would do: [1]", 0, 1),
        ("[]", 0, 1),
        ('[{"length": NaN, "ice": false}]', 0, 1),
        ('[{"length": Infinity, "ice": false}]', 0, 1),
        ("[" * 100_000, 0, 1),
        ('[{"length": "os.system(\'x\')", "ice": false}]', 0, 1),
    ],
)
def test_replies_are_read_as_data(text, good, bad):
    found, errors = read_configurations(text, SPACES)
    assert (len(found), len(errors)) == (good, bad)


def test_what_is_invalid_is_reported_back_once():
    replies = ['[{"length": 99, "ice": true}]', '[{"length": 3, "ice": true}]']
    with FakeLLMServer(replies) as server:
        writer = LLMWriter(server.model, "walk", answers=":memory:")
        mix = writer.propose(report({9: 1}, mix=(9,)), SPACES, 1, np.random.default_rng(0))
        assert mix == [{"length": 3, "ice": True}]
        asked, again = (request.body["messages"] for request in server.history)
    assert '"maximum": 9' in asked[-1]["content"]
    assert '{"ice": false, "length": 9}: 10%' in asked[-1]["content"]
    assert "99 is greater than the maximum" in again[-1]["content"]


def test_it_is_asked_twice_at_most_and_what_fits_counts():
    with FakeLLMServer('[{"length": 99, "ice": true}, {"length": 4, "ice": true}]') as server:
        writer = LLMWriter(server.model, answers=":memory:")
        mix = writer.propose(report({}), SPACES, 2, np.random.default_rng(0))
        assert mix == [{"length": 4, "ice": True}]
        assert len(server.history) == 2


def test_no_reply_leaves_the_mix():
    with FakeLLMServer(FakeReply("down", status=503)) as server:
        writer = LLMWriter(server.model, answers=":memory:", max_retries=0)
        mix = writer.propose(report({}, mix=(2,)), SPACES, 2, np.random.default_rng(0))
    assert mix == [configuration(2)]


def test_the_embedded_model_is_named_as_everywhere():
    assert LLMWriter("embedded", answers=":memory:").oracle.model == LLMWriter().oracle.model
