"""How episodes ended in which an option was used, by what was said: for people, and models.

A `Tally` counts a win for the way out alone. That is for choosing; told as it stands, the step
before the last would look as if it had always failed.
"""

from __future__ import annotations

from collections.abc import Callable

from gym_llmteacher.playing.record import Episode, Record

Followed = dict[str, dict[str, tuple[int, int]]]
"""By text and option: episodes that were won, of those in which it was used there."""


def followed(record: Record, won: Callable[[Episode], bool]) -> Followed:
    """Count the episodes of a record that was played with ``texts=True``.

    >>> from gym_llmteacher.playing.record import Step
    >>> def step(option):
    ...     return Step(("k",), ("at the key",), (None,), 0, (option,))
    >>> episode = Episode(1.0, 2, True, "terminated", steps=(step("go"), step("take")))
    >>> followed(Record((episode,)), lambda episode: bool(episode.success))
    {'at the key': {'go': (1, 1), 'take': (1, 1)}}
    """
    found: Followed = {}
    for episode in record.episodes:
        used = dict.fromkeys(
            (text, option)
            for step in episode.steps
            for text, option in zip(step.texts, step.options, strict=True)
            if option is not None
        )
        for text, option in used:
            wins, tries = found.setdefault(text, {}).get(option, (0, 0))
            found[text][option] = (wins + won(episode), tries + 1)
    return found
