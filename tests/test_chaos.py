"""A small form of benchmarks/chaos.py: killed at random, nothing is lost, paid twice or torn."""

import pytest

from benchmarks.chaos import TOKENS, chaos


@pytest.mark.slow
def test_killed_at_random_nothing_is_lost_paid_twice_or_torn():
    found = chaos(kills=3, trainings=2, seed=1)
    assert (found.lost, found.twice, found.torn, found.tracebacks) == (0, 0, 0, 0)
    assert 20 < found.answers <= found.replies
    # The books are the server's count, give or take what was under way at a kill.
    assert found.requests - found.in_flight <= found.calls <= found.requests
    assert TOKENS * (found.replies - found.in_flight) <= found.tokens <= TOKENS * found.replies
    assert max(seconds for times in found.exits.values() for seconds in times) < 4.0
    assert f"| {sum(found.kills.values())}: " in found.table().replace("kills ", "")
