# SPDX-License-Identifier: Apache-2.0
"""Recipe, plan, job files and random generators of the data-set generator."""

import dataclasses
from pathlib import Path

import pytest

from harmonize_core.errors import ConfigError, InputError, UnknownName
from harmonize_core.formats.rdharmony import CATEGORY_FOLDERS
from rdharmony_gen.library import assets, damaged
from rdharmony_gen.options import SetOptions, spec_of
from rdharmony_gen.run.splits import note_on_splits
from rdharmony_gen.sampling.plan import CAST, job_ids, plan_job
from rdharmony_gen.sampling.rng import rng_for
from rdharmony_gen.spec.codec import decode_text, encode
from rdharmony_gen.spec.dataset import DatasetSpec, growth_only, make_spec, split_of
from rdharmony_gen.spec.job import read_job, write_job
from rdharmony_gen.spec.layout import SetLayout
from rdharmony_gen.spec.styles import STYLE_NAMES
from rdharmony_gen.spec.user_files import UserCharacter, UserScene

PLACES = ("park", "city_corner", "room")


@pytest.fixture(scope="module")
def job():
    return plan_job(make_spec(views=3, size="96x64", seed=0, scenes=PLACES), "human", 1)


def test_named_decisions_draw_independently_and_repeat():
    first = rng_for(0, "park", 3, "camera").random(4)
    assert (rng_for(0, "park", 3, "camera").random(4) == first).all()
    for other in (rng_for(1, "park", 3, "camera"), rng_for(0, "park", 3, "light"), rng_for(0, "park", 4, "camera")):
        assert (other.random(4) != first).all()


def test_the_generator_of_a_path_never_changes():
    """A pinned number: if it moves, every published seed means another data set."""
    assert int(rng_for(7, "park", 0, "camera").integers(10**9)) == 908988493


def test_views_are_dealt_over_scenes_and_variants():
    spec = make_spec(views=8, views_per_scene=2, categories=("car", "human"), scenes=PLACES)
    ids = [job_id for _, _, job_id in job_ids(spec)]
    assert ids[:8] == [
        "SHuman/park_00_v000",
        "SHuman/city_corner_00_v001",
        "SHuman/room_00_v002",
        "SHuman/park_00_v003",
        "SHuman/city_corner_00_v004",
        "SHuman/room_00_v005",
        "SHuman/park_01_v006",
        "SHuman/city_corner_01_v007",
    ]
    assert ids[8] == "SCar/city_corner_00_v000"


def test_few_views_of_many_categories_show_many_places():
    spec = make_spec(views=4, categories=tuple(CATEGORY_FOLDERS))
    places = {job_id.partition("/")[2].rsplit("_", 2)[0] for _, _, job_id in job_ids(spec)}
    assert len(places) >= 20


def test_cars_are_dealt_only_over_places_where_a_car_can_stand():
    spec = make_spec(views=4, views_per_scene=2, categories=("human", "car"), scenes=PLACES)
    ids = [job_id for _, _, job_id in job_ids(spec)]
    assert ids[2] == "SHuman/room_00_v002"
    assert ids[4:] == ["SCar/city_corner_00_v000", "SCar/park_00_v001", "SCar/city_corner_00_v002", "SCar/park_00_v003"]


def test_a_spec_file_without_a_place_for_its_cars_is_refused():
    spec = dataclasses.replace(make_spec(views=1, categories=("car",)), scenes=("room",))
    with pytest.raises(ConfigError, match="should name a place for the category car"):
        job_ids(spec)


def test_a_job_does_not_depend_on_how_many_views_there_are(job):
    assert plan_job(make_spec(views=50, size="96x64", seed=0, scenes=PLACES), "human", 1) == job


def test_conditions_come_in_the_order_of_their_numbers(job):
    assert [c.style for c in job.conditions] == list(STYLE_NAMES)
    assert [c.style_id for c in job.conditions] == list(range(1, 11))


def test_styles_can_be_chosen_and_keep_their_numbers():
    spec = make_spec(views=1, styles=("night", "noon_clear"))
    assert [c.style_id for c in plan_job(spec, "human", 0).conditions] == [4, 10]


def test_job_files_round_trip_with_equal_bytes(job, tmp_path):
    write_job(tmp_path / "a.json", job)
    assert read_job(tmp_path / "a.json") == job
    write_job(tmp_path / "b.json", read_job(tmp_path / "a.json"))
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_spec_round_trips():
    spec = make_spec(views=2, categories=("dog", "human"), scenes=PLACES, val_scenes=("room",), size="640x360")
    assert decode_text(encode(spec), DatasetSpec, "here") == spec
    assert (spec.width, spec.height, spec.categories) == (640, 360, ("human", "dog"))
    assert [split_of(spec, s) for s in spec.scenes] == ["train", "test", "val"]


@pytest.mark.parametrize(
    ("old", "new", "error", "text"),
    [
        ('"category"', '"catgory"', ConfigError, "did you mean 'category'?"),
        ('"cloud_cover"', '"cloud_covr"', ConfigError, "$.conditions[0].cloud_covr; did you mean 'cloud_cover'?"),
        ('"width": 96', '"width": "96"', ConfigError, "Expected `int`, got `str` - at `$.width`"),
        ('"scene": "city_corner"', '"scene": 5', ConfigError, "Expected `str`"),
        ('"seed": 0', '"seed": 0,,', ConfigError, "should be JSON but is not"),
    ],
)
def test_job_files_are_read_strictly(job, tmp_path, old, new, error, text):
    path = tmp_path / "job.json"
    written = encode(job)
    assert old in written
    path.write_text(written.replace(old, new, 1))
    with pytest.raises(error) as caught:
        read_job(path)
    assert text in str(caught.value)
    assert str(path) in str(caught.value)


def test_an_own_scene_in_a_job_is_read_strictly(job, tmp_path):
    scene = UserScene("yard", "0" * 64, (), "/nowhere/yard.blend", indoor=True)
    write_job(tmp_path / "job.json", dataclasses.replace(job, user_scene=scene))
    assert read_job(tmp_path / "job.json").user_scene == scene
    text = (tmp_path / "job.json").read_text()
    (tmp_path / "job.json").write_text(text.replace('"indoor"', '"indor"'))
    with pytest.raises(ConfigError, match=r"\$\.user_scene\.indor; did you mean 'indoor'"):
        read_job(tmp_path / "job.json")


def test_own_places_and_people_are_part_of_a_plan():
    yard = UserScene("yard", "0" * 64, (), "/a/yard.blend", indoor=True)
    people = tuple(UserCharacter(f"p{k}", str(k), (), f"/a/p{k}.glb") for k in range(30))
    spec = make_spec(
        views=2, scenes=("park",), user_scenes=(yard,), characters=people, test_scenes=("yard",), subjects=2
    )
    assert [job_id for _, _, job_id in job_ids(spec)] == ["SHuman/park_00_v000", "SHuman/yard_00_v001"]
    assert [split_of(spec, s) for s in ("park", "yard")] == ["train", "test"]
    job = plan_job(spec, "human", 1)
    assert (job.user_scene, job.subjects, len(job.characters)) == (yard, 2, CAST)
    moved = dataclasses.replace(spec, user_scenes=(dataclasses.replace(yard, path="/b/yard.blend"),))
    assert growth_only(spec, moved) is None, "a file that moved is the same file"
    other = dataclasses.replace(spec, user_scenes=(dataclasses.replace(yard, sha256="1" * 64),))
    assert "user_scenes" in str(growth_only(spec, other))
    with pytest.raises(ConfigError, match="should hold some of the category dog but holds human"):
        make_spec(categories=("dog",), characters=people)


@pytest.mark.parametrize("count", [6, CAST + 2])
def test_own_people_are_seen_in_turn_and_nobody_twice_in_a_view(count):
    people = tuple(UserCharacter(f"p{k}", str(k), (), f"/a/p{k}.glb") for k in range(count))
    spec = make_spec(views=7, scenes=("park",), characters=people, subjects=2, styles=("noon_clear", "night"))
    jobs = [plan_job(spec, "human", view) for view in range(count // 2)]
    shown = [c.name for job in jobs for c in job.characters[:2]]
    assert sorted(shown) == sorted(c.name for c in people)
    assert {len(job.characters) for job in jobs} == {min(count, CAST)}
    assert plan_job(dataclasses.replace(spec, views=99), "human", 2) == jobs[2]


def test_a_missing_job_file_is_named():
    with pytest.raises(InputError, match=r"nowhere\.json could not be read"):
        read_job(Path("nowhere.json"))


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"views": 0}, ConfigError, "--views should be between 1 and"),
        ({"size": "256"}, ConfigError, "--size should read WIDTHxHEIGHT"),
        ({"size": "16x256"}, ConfigError, "--size width should be between 32 and 8192 but is 16"),
        ({"seed": -1}, ConfigError, "--seed"),
        ({"samples": 0}, ConfigError, "--samples"),
        ({"format": "bmp"}, ConfigError, "jpg or png"),
        ({"categories": ("human", "human")}, ConfigError, "named once"),
        ({"categories": ()}, ConfigError, "--category should name at least one"),
        ({"styles": ("night",)}, ConfigError, "at least two styles"),
        ({"test_scenes": ("room",), "val_scenes": ("room",)}, ConfigError, "share no scene"),
        ({"scenes": ("park",), "test_scenes": ("gym",)}, ConfigError, "places of the set (park) but names gym"),
        ({"scenes": ("park",), "val_scenes": ("gmy",)}, UnknownName, "did you mean 'gym'?"),
        (
            {"categories": ("human", "car"), "scenes": ("room",)},
            ConfigError,
            "for the category car (park, city_corner, ",
        ),
        ({"categories": ("hman",)}, UnknownName, "did you mean 'human'?"),
        ({"styles": ("noon_clear", "nite")}, UnknownName, "no style is named 'nite'"),
        ({"scenes": ("moon",)}, UnknownName, "known: park, city_corner, "),
    ],
)
def test_choices_that_make_no_sense_are_refused_in_one_sentence(options, error, text):
    with pytest.raises(error) as caught:
        make_spec(**options)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_a_number_every_place_gets_fifty_views_of_what_fits_into_it():
    spec = make_spec(categories=("human", "car"), scenes=PLACES)
    folders = [job_id.partition("/")[0] for _, _, job_id in job_ids(spec)]
    assert (folders.count("SHuman"), folders.count("SCar")) == (150, 100)
    assert growth_only(make_spec(views=2, categories=("human", "car"), scenes=PLACES), spec) is None
    assert "views was none" in str(growth_only(spec, dataclasses.replace(spec, views=120)))


@pytest.mark.parametrize(
    ("options", "test", "val"),
    [
        ({}, ("city_corner",), ("street",)),
        ({"scenes": PLACES}, ("city_corner",), ()),
        ({"scenes": ("street", "city_corner")}, ("city_corner",), ()),
        ({"test_scenes": ("street",)}, ("street",), ()),
        ({"val_scenes": ()}, ("city_corner",), ()),
    ],
)
def test_validation_has_a_place_of_its_own_where_others_are_left_to_train_on(options, test, val):
    spec = make_spec(**options)
    assert (spec.test_scenes, spec.val_scenes) == (test, val)


def test_a_set_keeps_the_splits_it_was_begun_with(tmp_path):
    begun = dataclasses.replace(make_spec(views=1), val_scenes=())
    SetLayout(tmp_path).spec.parent.mkdir()
    SetLayout(tmp_path).spec.write_text(encode(begun))
    assert spec_of(SetOptions(views=1), tmp_path) == begun
    other = spec_of(SetOptions(views=1, val_scenes=("street",)), tmp_path)
    assert growth_only(begun, other) == "val_scenes was none and is now street"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scenes": ("park", "kitchen")}, "splits val and test; begin a set with --test-scenes and --val-scenes"),
        ({"scenes": PLACES}, "split val, so training validates on test; begin a set with"),
        ({"scenes": (*PLACES, "street")}, "split val, so training validates on test; ask for more --views"),
        ({"scenes": (*PLACES, "street"), "views": 4}, ""),
    ],
)
def test_a_split_that_stays_empty_is_said(options, words):
    note = note_on_splits(make_spec(**{"views": 3} | options))
    assert words in note
    assert bool(note) == bool(words)


def test_a_set_may_grow_but_not_change():
    spec = make_spec(views=2)
    assert growth_only(spec, dataclasses.replace(spec, views=5)) is None
    assert growth_only(spec, dataclasses.replace(spec, views=1)) == "views was 2 and is now 1"
    assert growth_only(spec, dataclasses.replace(spec, seed=1)) == "seed was 0 and is now 1"


def test_assets_are_intact_and_a_damaged_one_is_named(tmp_path):
    all_assets = assets()
    assert len({a.id for a in all_assets}) == len(all_assets) > 200
    small = min(all_assets, key=lambda a: a.bytes)
    assert damaged(small) is None
    assert "is missing" in str(damaged(small, tmp_path))
    (tmp_path / small.file).parent.mkdir(parents=True)
    (tmp_path / small.file).write_bytes(b"?")
    assert "SHA-256" in str(damaged(small, tmp_path))
