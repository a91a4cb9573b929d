# SPDX-License-Identifier: Apache-2.0
"""The HYouTube layout: names as in the released lists, clips as they lie on disk, holes and escapes."""

from pathlib import Path

import pytest

from harmonize_core.errors import DatasetError
from harmonize_core.formats import hyoutube

RELEASED = (  # two lines of test_frames.txt, bcmi/Video-Harmonization-Dataset-HYouTube@dccd636
    "real_videos/cce03c2a9b/00000.jpg foreground_mask/cce03c2a9b/object_0/00000.png "
    "synthetic_composite_videos/cce03c2a9b/object_0/00000.jpg",
    "real_videos/cce03c2a9b/00005.jpg foreground_mask/cce03c2a9b/object_0/00005.png "
    "synthetic_composite_videos/cce03c2a9b/object_0/00005.jpg",
)


def put(root: Path, lines: list[str]) -> None:
    for name in (name for line in lines for name in line.split()):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.fixture
def released(tmp_path) -> Path:
    """A video of six frames; its second object is seen in the last four."""
    late = [line.replace("object_0", "object_1") for line in hyoutube.frame_lines("cce03c2a9b", "object_0", 6, ".jpg")]
    put(tmp_path, [*hyoutube.frame_lines("cce03c2a9b", "object_0", 6, ".jpg"), *late[2:]])
    lines = [hyoutube.clip_line("cce03c2a9b", thing) for thing in ("object_0", "object_1")]
    hyoutube.clip_list(tmp_path, "test").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_frames_are_called_as_in_the_released_lists():
    assert tuple(hyoutube.frame_lines("cce03c2a9b", "object_0", 2, ".jpg")) == RELEASED
    assert hyoutube.clip_line("003234408d", "object_2") == (  # train_list.txt, commit 206248a
        "real_videos/003234408d foreground_mask/003234408d/object_2 synthetic_composite_videos/003234408d/object_2"
    )


def test_clips_are_found_with_their_frames_in_order(released):
    assert hyoutube.is_layout(released)
    first, second = hyoutube.list_clips(released, "test")
    assert [c.name for c in (first, second)] == ["cce03c2a9b/object_0", "cce03c2a9b/object_1"]
    assert [f.composite.name for f in first.frames] == [f"{n:05d}.jpg" for n in range(0, 30, 5)]
    assert [f.composite.name for f in second.frames] == [f"{n:05d}.jpg" for n in range(10, 30, 5)]
    for frame in (*first.frames, *second.frames):
        assert frame.composite.stem == frame.mask.stem == frame.real.stem
        assert all(path.is_file() for path in (frame.composite, frame.mask, frame.real))
    assert hyoutube.list_clips(released) == [first, second]


def test_the_folders_of_the_published_readme_are_read_too(released):
    names = {"real_videos": "Ground-truth", "foreground_mask": "Mask", "synthetic_composite_videos": "Composite"}
    file = hyoutube.clip_list(released, "test")
    for old, new in names.items():
        (released / old).rename(released / new)
        file.write_text(file.read_text().replace(old, new))
    assert [len(c.frames) for c in hyoutube.list_clips(released, "test")] == [6, 4]


@pytest.mark.parametrize(
    "lost",
    ["foreground_mask/cce03c2a9b/object_1/00015.png", "synthetic_composite_videos/cce03c2a9b/object_0/00010.jpg"],
)
def test_a_hole_is_named(released, lost):
    (released / lost).unlink()
    with pytest.raises(DatasetError, match=Path(lost).stem):
        hyoutube.list_clips(released, "test")


def test_a_real_video_that_is_too_short_is_named(released):
    (released / "real_videos/cce03c2a9b/00025.jpg").unlink()
    with pytest.raises(DatasetError, match=r"real_videos/cce03c2a9b should hold frame 00025"):
        hyoutube.list_clips(released)


@pytest.mark.parametrize(
    "line", ["a b", "/etc /etc /etc/x", "real_videos/../../a foreground_mask/a/o synthetic_composite_videos/a/o"]
)
def test_lines_that_are_none_or_leave_the_set_are_refused_with_their_place(released, line):
    hyoutube.clip_list(released, "test").write_text(line + "\n")
    with pytest.raises(DatasetError, match=r"test_list\.txt:1"):
        hyoutube.list_clips(released, "test")


def test_a_folder_without_lists_is_refused(tmp_path):
    assert not hyoutube.is_layout(tmp_path)
    with pytest.raises(DatasetError, match=r"train_list\.txt"):
        hyoutube.list_clips(tmp_path)
