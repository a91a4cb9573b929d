# SPDX-License-Identifier: GPL-3.0-or-later
"""Dealing instead of drawing: few views then show many different things, and each view still knows its own alone.

A deck has rounds without end, each a shuffle of its own that follows from the seed and the round's number.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from rdharmony_gen.sampling.rng import rng_for


class Deck:
    """Cards in rounds: no card is in a round twice, and those of one group are spread over it."""

    def __init__(
        self, seed: int, name: str, shares: Mapping[str, float], groups: Mapping[str, str] | None = None
    ) -> None:
        """Describe a deck; nothing is shuffled yet.

        Args:
            seed: the data set's root seed.
            name: of the decision, for instance `subject/cow`.
            shares: by card, in how many of all rounds it is, in (0, 1].
            groups: by card, what it has in common with others; every card is alone without.
        """
        self._seed, self._name, self._shares, self._groups = seed, name, dict(shares), dict(groups or {})
        offsets = rng_for(seed, "deck", name).random(len(shares))
        self._offsets = dict(zip(self._shares, offsets.tolist(), strict=True))

    def hand(self, first: int, count: int = 1) -> list[str]:
        """All cards, each once, in the order in which they are offered to a view.

        First the view's own, `count` from position `first` on; the next view has the next. Who cannot use a card goes
        on half a round further, because the cards in between are those of the next views.
        """
        number = max(0, int((first - len(self._shares)) / sum(self._shares.values())))  # not after the right one
        while self._before(number + 1) <= first:
            number += 1
        start = first - self._before(number)
        cards: list[str] = []
        for one in itertools.count(number):
            cards += self._round(one)
            if one > number and len(cards) >= start + count and set(cards) == set(self._shares):
                break
        later = start + max(count, len(self._shares) // 2)
        return list(dict.fromkeys(cards[start : start + count] + cards[later:] + cards[start:later] + cards))

    def _before(self, number: int) -> int:
        """How many cards lie in the rounds before one."""
        return sum(int(number * share + self._offsets[card]) for card, share in self._shares.items())

    def _round(self, number: int) -> list[str]:
        """The cards of a round; the first is not the last of the round before."""
        cards = self._shuffled(number)
        if number and len(cards) > 2 and cards[0] == self._shuffled(number - 1)[-1]:
            cards[:2] = cards[1::-1]
        return cards

    def _shuffled(self, number: int) -> list[str]:
        """The cards of a round in drawn order; of a group's m cards one lies in each m-th of it."""
        inside: dict[str, list[str]] = {}
        for card, share in self._shares.items():
            offset = self._offsets[card]
            if int((number + 1) * share + offset) > int(number * share + offset):
                inside.setdefault(self._groups.get(card, card), []).append(card)
        rng, places = rng_for(self._seed, "deck", self._name, number), {}
        for cards in inside.values():
            shift = rng.random()
            for rank, index in enumerate(rng.permutation(len(cards))):
                places[cards[index]] = (rank + shift) / len(cards)
        return sorted(places, key=places.__getitem__)
