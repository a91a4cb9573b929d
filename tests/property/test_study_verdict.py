# SPDX-License-Identifier: Apache-2.0
"""What the study says follows from its numbers: a rule that is symmetric, careful, and blind to which row it is."""

import math
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harmonize_core.benchmark.study_numbers import Number, Outcome, sentence, verdict
from harmonize_core.benchmark.study_options import StudyOptions, jobs_of, shard_of
from harmonize_core.benchmark.study_rows import ROWS
from harmonize_core.metrics import Interval

values = st.floats(-1e4, 1e4)


@st.composite
def differences(draw) -> Number:
    seeds = tuple(draw(st.lists(values, min_size=1, max_size=4)))
    low, high = sorted((draw(values), draw(values)))
    unknown = draw(st.booleans()) and draw(st.booleans())
    interval = Interval(math.nan, math.nan) if unknown else Interval(low, high)
    return Number(sum(seeds) / len(seeds), interval, seeds, 30)


@given(differences())
def test_a_gain_is_an_interval_and_every_seed_below_zero_and_a_loss_its_mirror_image(found):
    mirrored = Number(
        -found.mean, Interval(-found.interval.high, -found.interval.low), tuple(-v for v in found.by_seed), 30
    )
    expected = {"gain": "loss", "loss": "gain"}.get(verdict(found), "not distinguishable")
    assert verdict(mirrored) == expected
    below = found.interval.high < 0 and max(found.by_seed) < 0
    assert (verdict(found) == "gain") == below
    if not math.isfinite(found.interval.low):
        assert verdict(found) == "not distinguishable"
    wider = replace(found, interval=Interval(min(found.interval.low, -1.0), max(found.interval.high, 1.0)))
    assert verdict(wider) == "not distinguishable"


@given(differences(), st.floats(1, 1e4))
def test_words_say_the_verdict_and_the_size_with_its_sign(found, base):
    def outcome(name: str) -> Outcome:
        plain = Number(base, Interval(base, base), (base,), 30)
        return Outcome(ROWS[name], {"novel": {"fmse": plain}}, {"novel": found}, {}, {}, {}, ())

    text = sentence(outcome("charmnet"), outcome("fusion"), "novel")
    said = {"gain": "a gain of CharmNet over", "loss": "a loss of CharmNet against"}
    for name, words in said.items():
        assert (words in text) == (verdict(found) == name)
    assert f"fMSE {found.mean:+.1f} ({100 * found.mean / base:+.1f} %)" in text


@given(st.integers(1, 5), st.integers(1, 7), st.sets(st.sampled_from(sorted(ROWS))))
def test_the_parts_of_a_study_hold_every_run_once(seeds, parts, names):
    options = StudyOptions(Path("p"), (Path("r"),), Path("o"), tuple(names | {"fusion"}), seeds=seeds, steps=1)
    jobs = jobs_of(options)
    shares = [shard_of(jobs, (part, parts)) for part in range(1, parts + 1)]
    assert sorted(job.name for share in shares for job in share) == sorted(job.name for job in jobs)
    assert len(jobs) == len({job.name for job in jobs})
    trained = [sum(job.row.cost for job in share if job.row.learns) for share in shares]
    assert max(trained) - min(trained) <= max(job.row.cost for job in jobs) + 0.5
