"""What places and options are worth by where they led: what is found later counts on the way there.

Returns alone are slow to tell. An option that was right while what came after it was still wrong
has lost for nothing, and is not tried again. So its value is backed up too, from the places that it
led to, as in Q-learning with options (Sutton, Precup, Singh 1999).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from gym_llmteacher.experience.tally import RECENT, WON, Place, Tally

BACKED_UP = 8.0
"""Weight of what is backed up, in tries."""
_ROUNDS = 50
_MOST = 1 / RECENT


def option_value(tally: Tally, values: Mapping[str, float], horizon: float) -> float:
    """Discounted success of an option in [0, 1]: what came of it, and of where it led.

    :param values: of places
    :param horizon: env steps after which a success counts 1 / e

    >>> lost_so_far = Tally(4, 0, led={"at the key": [4, 0.0]})
    >>> option_value(lost_so_far, {"at the key": 0.75}, 33.0)
    0.5
    """
    own = tally.value(horizon)
    times = sum(n for n, _ in tally.led.values())
    if not times:
        return own
    ahead = sum(
        n * math.exp(-steps / horizon) * values.get(place, 0.0)
        for place, (n, steps) in tally.led.items()
    )
    tries = min(float(tally.tries), _MOST)  # returns follow the recent episodes alone
    return (tries * own + BACKED_UP * ahead / times) / (tries + BACKED_UP)


class Values:
    """Discounted success from each place on.

    :param places: by `Situation.place`; they are read anew whenever something is asked
    """

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = places
        self.of: dict[str, float] = {WON: 1.0}
        """By place, in [0, 1]."""
        self._alike: dict[str, list[str]] = {}
        self._counted = 0

    def option(self, key: str, option: str, horizon: float) -> float:
        """Value of an option at a place.

        Where it was never used: the best that came of it where the same was said and other options
        applied; NaN if nothing did.
        """
        tally = self._tally(key, option)
        if tally is not None:
            return option_value(tally, self.of, horizon)
        alike = (self._tally(other, option) for other in self._said_alike(key))
        found = [option_value(tally, self.of, horizon) for tally in alike if tally is not None]
        return max(found, default=math.nan)

    def back_up(self, key: str, horizon: float) -> None:
        """Renew the value of a place: that of the best option there, used or not."""
        place = self._places[key]
        found = [self.option(key, option, horizon) for option in place.able or place.options]
        self.of[key] = max((value for value in found if not math.isnan(value)), default=0.0)

    def settle(self, horizon: float) -> None:
        """Work out all values anew, to the end: the same from a file as from memory."""
        self.of = {WON: 1.0}
        for _ in range(_ROUNDS):
            before = dict(self.of)
            for key in self._places:
                self.back_up(key, horizon)
            if all(abs(value - before.get(key, 0.0)) < 1e-6 for key, value in self.of.items()):
                break

    def _tally(self, key: str, option: str) -> Tally | None:
        place = self._places.get(key)
        tally = place.options.get(option) if place is not None else None
        return tally if tally is not None and tally.tries else None

    def _said_alike(self, key: str) -> list[str]:
        if self._counted != len(self._places):
            self._alike = {}
            for place in self._places:
                self._alike.setdefault(_said(place), []).append(place)
            self._counted = len(self._places)
        return self._alike.get(_said(key), [])


def _said(place: str) -> str:
    """`Situation.key` of a `Situation.place`."""
    return place.rpartition("-")[0]
