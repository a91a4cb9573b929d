# SPDX-License-Identifier: Apache-2.0
"""Failures of Export Triplets: the shot, the folder of the set, what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from addon_failures import Failure, both, broken, setting


@broken
def _before_zero(shot: Any) -> Iterator[None]:
    shot.scene.frame_set(-3)
    yield
    shot.scene.frame_set(1)


@broken
def _out_of_sight(shot: Any) -> Iterator[None]:
    export = shot.scene.harmonize_export
    export.use_generator, export.styles = False, 2
    _move_hero(shot, 100)
    yield
    _move_hero(shot, 0)


def _move_hero(shot: Any, x: float) -> None:
    shot.hero.animation_data_clear()
    shot.hero.location.x = x
    shot.bpy.context.view_layer.update()


@broken
def _damaged_record(shot: Any) -> Iterator[None]:
    record = shot.folder / "dataset/.harmonize/SHuman/other_v001.json"
    record.parent.mkdir(parents=True)
    record.write_text("{")
    export = shot.scene.harmonize_export
    export.use_generator, export.styles = False, 2
    (shot.folder / "dataset/.harmonize/render").mkdir()
    (shot.folder / "dataset/.harmonize/render/README.txt").write_text("")
    _move_hero(shot, 100)  # nothing else is written then
    yield
    _move_hero(shot, 0)


@broken
def _folder_is_a_file(shot: Any) -> Iterator[None]:
    (shot.folder / "a file").write_text("")
    shot.scene.harmonize_export.folder = str(shot.folder / "a file")
    yield


@broken
def _set_of_others(shot: Any) -> Iterator[None]:
    lists = shot.folder / "their set/splits/train.txt"
    lists.parent.mkdir(parents=True)
    lists.write_text("SHuman/composite_images/theirs_00_v001-1_2.png\n")
    shot.scene.harmonize_export.folder = str(shot.folder / "their set")
    yield


@broken
def _set_of_the_generator(shot: Any) -> Iterator[None]:
    spec = shot.folder / "generated/jobs/spec.json"
    spec.parent.mkdir(parents=True)
    spec.write_text("{}")
    shot.scene.harmonize_export.folder = str(shot.folder / "generated")
    yield


EXPORT = (
    Failure(
        "Export: a render region is set",
        "A render region is set, so pictures would be black beside it: switch Render Region off",
        setting("scene.render.use_border", True),
        press="export_triplet",
    ),
    Failure(
        "Export: the frame is before 0",
        "The export begins at frame <frame>: numbers of views are 0 or more, so move the shot",
        _before_zero,
        press="export_triplet",
    ),
    Failure(
        "Export: the folder is a file",
        "The data set's folder <file> is a file: choose a folder in the Export Triplets panel",
        _folder_is_a_file,
        press="export_dataset",
    ),
    Failure(
        "Export: no folder",
        "No folder is chosen for the data set: set one in the Export Triplets panel",
        setting("scene.harmonize_export.folder", " "),
        press="export_dataset",
    ),
    Failure(
        "Export: the shot's background is the scene itself",
        "The shot's background is rendered: choose Rest of the Scene as background of the export",
        both(setting("settings.background", "SCENE"), setting("scene.harmonize_export.background", "PLATE")),
        press="export_dataset",
    ),
    Failure(
        "Export: the folder holds a data set that others made",
        "<folder> holds a data set that was not exported here, and its lists would be lost: choose another folder for "
        "the export",
        _set_of_others,
        press="export_dataset",
    ),
    Failure(
        "Export: the folder holds a set of the generator",
        "<folder> holds a set of the rdharmony generator: choose another folder for the export",
        _set_of_the_generator,
        press="export_dataset",
    ),
    Failure(
        "Export: the characters are not in the picture",
        "The characters are not in the picture in frame <frame>, so there is nothing to learn from it; export frames "
        "in which they are seen",
        _out_of_sight,
        press="export_triplet",
    ),
    Failure(
        "Export: a record of the set is damaged",
        "<file> is damaged: delete it and export that frame again",
        _damaged_record,
        press="export_triplet",
    ),
)
