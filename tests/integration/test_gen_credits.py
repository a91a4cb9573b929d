# SPDX-License-Identifier: Apache-2.0
"""What a set says about files of the user's own: whose works they are, and nothing of the folders they lie in."""

import json
import shutil

from rdharmony_gen.compose.credits import credits_text
from rdharmony_gen.library import assets

FOLDER = "/home/alice/private"
BOB = {
    "name": "bob",
    "sha256": "b" * 64,
    "files": [],
    "path": f"{FOLDER}/Bob.glb",
    "credit": {"title": "Bob", "author": "Ann Lee", "licence": "CC-BY-4.0", "source": "https://example.org/bob"},
}
EVE = {"name": "eve", "sha256": "e" * 64, "files": [], "path": f"{FOLDER}/eve.fbx"}
SKY = {
    "light": "hdri",
    "name": "my_sky",
    "style_id": 11,
    "hdri": f"{FOLDER}/roof.exr",
    "sha256": "c" * 64,
}


def test_own_works_are_credited_and_their_folders_are_not_told(rendered_once, tmp_path, rdharmony):
    out = tmp_path / "out"
    shutil.copytree(rendered_once, out)
    spec = json.loads((out / "jobs" / "spec.json").read_text())
    spec |= {"characters": [BOB, EVE], "own_styles": [SKY]}
    (out / "jobs" / "spec.json").write_text(json.dumps(spec))
    jobs = sorted((out / "jobs" / "SHuman").glob("*.json"))
    for path, names in zip(jobs, (["user:bob"], ["user:eve", "human_male_01_standing"]), strict=True):
        job = json.loads(path.read_text())
        job["conditions"][0]["hdri"] = SKY["hdri"]
        path.write_text(json.dumps(job))
        facts = out / "renders" / "SHuman" / path.stem / "view.json"
        facts.write_text(json.dumps(json.loads(facts.read_text()) | {"assets": names}))
    for step in ("compose", "validate", "report"):
        code, _, last = rdharmony(step, out)
        assert code == 0, last
    assert rdharmony("pack", out, tmp_path / "packed")[0] == 0
    credits = (out / "CREDITS.md").read_text()
    assert "*Bob* (`user:bob`) by Ann Lee, CC-BY-4.0; https://example.org/bob" in credits
    assert "(`user:eve`) by an author not stated, NOASSERTION; own file eve.fbx, SHA-256 eeeeeeee" in credits
    assert "own file roof.exr" in credits
    assert "human_male_01_standing" in credits
    assert (tmp_path / "packed" / "CREDITS.md").read_text() == credits
    assert {"user:bob", "user:eve", "roof.exr"} <= {
        a["id"] for a in json.loads((out / "dataset.json").read_text())["assets"]
    }
    told = [out / "dataset.json", out / "manifest.jsonl", out / "CREDITS.md", *(out / "report").glob("*.*s")]
    for path in [*told, out / "report" / "index.html", *(tmp_path / "packed").glob("*")]:
        assert FOLDER.encode() not in path.read_bytes(), path


def test_every_work_of_the_library_is_credited_by_a_name():
    lines = [line for line in credits_text(assets()).splitlines() if line.startswith("- ")]
    assert len(lines) == len(assets())
    for line, asset in zip(lines, assets(), strict=True):
        assert line.startswith(f"- *{asset.title}* (`{asset.id}`)" if asset.title else f"- `{asset.id}`")
        assert asset.licence in line
        assert asset.author in line
        assert "by made for this project" not in line
