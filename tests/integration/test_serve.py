# SPDX-License-Identifier: Apache-2.0
"""The page of `harmonize serve` over HTTP: who is answered, what is refused, and that downloads equal predict.

What a person does in the page is done in a browser by `scripts/check_serve_page.py`.
"""

import functools
import http.client
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import cv2
import numpy as np
import pytest
from PIL import Image
from visitor import Visitor, brightness, constant_look

from harmonize_core.formats.exr import read_exr_file
from harmonize_core.formats.images import write_exr
from harmonize_core.formats.picture import open_picture
from harmonize_core.infer.controls import Controlled, Controls
from harmonize_core.infer.files import predict_files
from harmonize_core.infer.look_files import load_look
from harmonize_core.infer.pairs import FileJob
from harmonize_core.infer.predictor import Predictor
from harmonize_core.runtime.look_session import LookHarmonizer
from harmonize_core.runtime.session import ModelInfo
from harmonize_core.web import shots, uploads
from harmonize_core.web.desk import Desk
from harmonize_core.web.guard import MAX_BYTES, Guard
from harmonize_core.web.lending import Lending
from harmonize_core.web.server import PageServer


@pytest.fixture(scope="module")
def predictor():
    return Predictor(LookHarmonizer(brightness, ModelInfo("brightness", "CC0-1.0", "this file", 64)))


@pytest.fixture
def visitor(predictor, tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    with PageServer(
        "127.0.0.1", 0, Guard.of("127.0.0.1"), Desk(Lending(lambda _: predictor, ("photographic",)), folder)
    ) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield Visitor(server)
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A 16-bit PNG, a turned JPEG, an EXR of two layers, a cut-out, and a mask of their size."""
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    picture = cv2.resize(rng.random((5, 7, 3), dtype=np.float32), (168, 120), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    mask = np.zeros((120, 168), np.uint8)
    mask[30:100, 40:120] = 255
    mask[28:30, 40:120] = 120
    picture[mask > 0] *= 0.4
    files = {name: folder / name for name in ("deep.png", "turned.jpg", "layers.exr", "cutout.png", "mask.png")}
    files["deep.png"].write_bytes(cv2.imencode(".png", (picture * 65535).astype(np.uint16))[1].tobytes())
    exif = Image.Exif()
    exif[0x0112] = 6
    eight = Image.fromarray((picture * 255).astype(np.uint8))
    eight.rotate(90, expand=True).save(files["turned.jpg"], exif=exif, quality=95)
    Image.fromarray(np.dstack([np.asarray(eight) * (mask > 0)[..., None], mask])).save(files["cutout.png"])
    light = {f"View.{c}": picture[..., i] * 3 for i, c in enumerate("RGB")}
    write_exr(
        files["layers.exr"], {**light, "View.A": mask / np.float32(255), "Depth.Z": picture[..., 0]}, wide=("Depth.Z",)
    )
    Image.fromarray(mask).save(files["mask.png"])
    return files


def test_the_owner_s_page_alone_is_answered(visitor):
    token, host = visitor.server.guard.token, visitor.host
    status, headers, page = visitor.send("GET", f"/?token={token}", X_Token=None, Sec_Fetch_Site="none")
    assert status == 200
    assert b"page.js" in page
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert not [name for name in headers if name.lower().startswith("access-control")]
    for name in re.findall(rb'(?:href|src)="([\w.]+)"', page):
        assert visitor.send("GET", f"/{name.decode()}", X_Token=None)[0] == 200
    assert visitor.send("GET", "/api/start", Origin=f"http://{host}")[0] == 200
    assert visitor.send("GET", "/api/start", Host=f"localhost:{visitor.address[1]}")[0] == 200
    for strange in (
        {"X_Token": None},
        {"X_Token": token[:-1]},
        {"X_Token": token + "é".encode().decode("latin-1")},
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ):
        assert visitor.refusal("GET", "/api/start", **strange)[0] == 403
        assert visitor.refusal("POST", "/api/upload?name=a.png", b"x", **strange)[0] == 403
    for name in (
        "rebound.example",
        f"rebound.example:{visitor.address[1]}",
        "",
        None,
        "127.0.0.1.rebound.example",
        "127.0.0.1@x",
    ):
        assert visitor.refusal("GET", "/api/start", Host=name)[0] == 421
        assert visitor.send("GET", f"/?token={token}", Host=name)[0] == 421
    for query in ("", "?token=", "?token=x", f"?TOKEN={token}"):
        assert visitor.refusal("GET", f"/{query}")[0] == 403
    assert visitor.refusal("GET", "/api/start", host=visitor.host)[0] == 400, "there twice"
    endless = {"Content_Length": "9" * 5000}
    assert visitor.refusal("GET", "/api/start", Host="rebound.example", **endless)[0] == 421
    assert visitor.refusal("POST", "/api/shot", b"", X_Token=None, **endless)[0] == 403
    assert visitor.refusal("POST", "/api/shot", b"", **endless)[0] == 413
    assert visitor.refusal("OPTIONS", "/api/start", Origin="http://elsewhere.example")[0] == 501


def test_no_path_of_the_machine_can_be_reached(visitor, files, tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(files["deep.png"].read_bytes())
    os.symlink(secret, visitor.server.desk.folder / "link.png")
    shot = {"picture": visitor.upload(files["cutout.png"])["key"]}
    key = visitor.ask("POST", "/api/shot", shot)["key"]
    names = [
        "../secret.png",
        "..%2fsecret.png",
        str(secret),
        f"%2e%2e/{secret}",
        "link.png",
        "guard.py",
        "page.css/../guard.py",
        "\\..\\secret.png",
        "page.html%00.png",
        "~root",
        "file://" + str(secret),
    ]
    for name in names:
        assert visitor.refusal("GET", "/" + name.replace(" ", "%20"))[0] in (404, 403)
        for call in ("composite?shot", "mask?shot", "background?file", "cutout?file", "thumb?name"):
            assert visitor.refusal("GET", f"/api/{call}={quote(name)}")[0] == 404
        for ask in ({"picture": name}, {**shot, "mask": name}, {**shot, "cutout": name}):
            assert visitor.refusal("POST", "/api/shot", ask)[0] == 404
        assert visitor.refusal("POST", f"/api/preview?shot={key}", {"controls": {"reference": name}})[0] == 404
    before = {f.name for f in tmp_path.rglob("*")}
    for name in (
        "../../escaped.png",
        "/etc/escaped.png",
        "C:\\escaped.png",
        "..",
        "",
        "a\0b\nc.png",
        "x" * 5000 + ".png",
        "ünï 日本.png",
    ):
        kept = visitor.upload(files["cutout.png"], name or " ")["name"]
        assert kept
        assert len(kept) <= 80
        assert not set(kept) & set("/\\\0\n:")
    new = {f.name for f in tmp_path.rglob("*")} - before
    assert all(re.fullmatch(r"[0-9a-f]{16}\.png", name) for name in new), new
    assert not list(Path("/etc").glob("escaped*"))
    named = visitor.result(
        visitor.ask("POST", "/api/shot", {"picture": visitor.upload(files["cutout.png"], 'a";\r\nX: y 日.png')["key"]})[
            "key"
        ]
    )[0]
    assert "\n" not in named
    assert named.endswith("_harmonized.png")


def test_what_is_too_much_or_no_picture_gets_one_sentence_before_it_is_decoded(visitor, files, tmp_path):
    post = ("POST", "/api/upload?name=my shot.png".replace(" ", "%20"))
    assert visitor.refusal(*post, b"", Content_Length=str(MAX_BYTES + 1))[0] == 413
    for header in (
        {"Content_Length": None},
        {"Content_Length": "-5"},
        {"Content_Length": "1e3"},
        {"Content_Length": None, "Transfer_Encoding": "chunked"},
    ):
        assert visitor.refusal(*post, None, **header)[0] == 411

    def png(width, height):
        head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 99)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks
        )

    deep = files["deep.png"].read_bytes()
    for data, wanted in (
        (png(20000, 20000), "at most 64 megapixels"),
        (png(200000, 200000), "at most 64 megapixels"),
        (png(0, 5), "damaged"),
        (b"", "empty"),
        (b"GIF89a" + bytes(50), "PNG, JPEG, WebP"),
        (b"#!/bin/sh\n", "PNG, JPEG, WebP"),
        (deep[:300], "damaged or cut off"),
        (files["layers.exr"].read_bytes()[:200], "damaged or cut off"),
        (b"II*\0" + bytes(100), "damaged"),
    ):
        status, words = visitor.refusal(*post, data)
        assert status == 422
        assert wanted in words
        assert words.count("my shot.png") == 1
    assert visitor.refusal("POST", "/api/shot", b"{" * 70000)[0] == 413
    for body in (b"no json", b"[]", b'{"picture": 5}', b'{"picture": "x", "path": "/etc"}', b"\xff"):
        assert visitor.refusal("POST", "/api/shot", body)[0] == 400
    cutout, plain = visitor.upload(files["cutout.png"])["key"], visitor.upload(files["deep.png"])["key"]
    black = tmp_path / "black.png"
    Image.new("L", (168, 120)).save(black)
    other = tmp_path / "other.png"
    Image.new("L", (16, 12), 255).save(other)
    for ask, wanted in (
        ({"picture": plain}, "deep.png has no transparency, so it needs a mask"),
        ({"picture": plain, "cutout": plain}, "a cut-out needs alpha"),
        ({"picture": plain, "cutout": cutout, "place": {"x": 2, "y": 2, "height": 0.1}}, "outside"),
        ({"picture": plain, "mask": visitor.upload(black, role="mask")["key"]}, "black everywhere"),
        (
            {"picture": plain, "mask": visitor.upload(other, role="mask")["key"]},
            "other.png is 16x12, deep.png is 168x120",
        ),
        ({"picture": plain, "layer": "diffuse"}, "deep.png"),
    ):
        status, words = visitor.refusal("POST", "/api/shot", ask)
        assert status == 422
        assert wanted in words
    key = visitor.ask("POST", "/api/shot", {"picture": cutout})["key"]
    for controls in (
        {"strength": 9},
        {"strength": True},
        {"mode": "wild"},
        {"max_delta_e": "6"},
        {"nothing": 1},
        {"reference": ["a"]},
    ):
        visitor.refusal("POST", f"/api/preview?shot={key}", {"controls": controls})
    assert visitor.refusal("POST", f"/api/preview?shot={key}", {"domain": "rendered", "x": 1})[0] == 400
    status, words = visitor.refusal("POST", f"/api/preview?shot={key}", {"domain": "rendered"})
    assert status == 422
    assert "no branch for rendered foregrounds, only for photographic" in words


@pytest.mark.parametrize("name", ["deep.png", "turned.jpg", "layers.exr", "cutout.png"])
def test_the_download_is_what_predict_writes(visitor, predictor, files, tmp_path, name):
    sent = visitor.upload(files[name])
    ask = {"picture": sent["key"]}
    mask = None
    if name in ("deep.png", "turned.jpg"):
        mask = files["mask.png"]
        ask["mask"] = visitor.upload(mask, role="mask")["key"]
    shot = visitor.ask("POST", "/api/shot", ask)
    assert (shot["width"], shot["height"]) == (168, 120)
    for strength in (1.0, 0.4):
        out = tmp_path / f"{strength}{files[name].suffix}"
        predict_files(Controlled(predictor, Controls(strength)), [FileJob(files[name], mask, out)])
        disposition, data = visitor.result(shot["key"], {"strength": strength})
        assert f"{files[name].stem}_harmonized{files[name].suffix}" in disposition
        if name == "layers.exr":  # the files differ in nothing but the order of their attributes
            got = tmp_path / f"got{strength}.exr"
            got.write_bytes(data)
            for one, other in zip(read_exr_file(got).parts, read_exr_file(out).parts, strict=True):
                assert one.channels.keys() == other.channels.keys()
                assert all((one.channels[c] == other.channels[c]).all() for c in one.channels)
        else:
            assert data == out.read_bytes()
        assert data != files[name].read_bytes()
    left = sorted(f.suffix for f in visitor.server.desk.folder.iterdir())
    assert len(left) == len(ask), "the written result goes away with its download"


def test_layers_of_an_exr_are_named_and_one_of_them_is_taken(visitor, files, tmp_path):
    ramp = np.linspace(0, 1, 120 * 168, dtype=np.float32).reshape(120, 168)
    named = {f"{layer}.{c}": ramp * share for layer, share in (("diffuse", 1), ("gloss", 0.1)) for c in "RGB"}
    write_exr(tmp_path / "passes.exr", named)
    sent = visitor.upload(tmp_path / "passes.exr")
    assert sent["layers"] == ["diffuse", "gloss"]
    assert sent["layer"] == "diffuse"
    assert (sent["depth"], sent["objects"]) == ("half float", [])
    ask = {"picture": sent["key"], "mask": visitor.upload(files["mask.png"], role="mask")["key"]}
    assert visitor.refusal("POST", "/api/shot", ask)[0] == 422
    key = visitor.ask("POST", "/api/shot", {**ask, "layer": "gloss"})["key"]
    got = tmp_path / "got.exr"
    got.write_bytes(visitor.result(key)[1])
    before, after = (read_exr_file(file).parts[0].channels for file in (tmp_path / "passes.exr", got))
    changed = {name.split(".")[0] for name in before if (before[name] != after[name]).any()}
    assert changed == {"gloss"}


def test_the_form_steers_the_preview_and_the_network_looks_once(visitor, predictor, files):
    looked = []

    def counted(composite, mask):
        looked.append(1)
        return brightness(composite, mask)

    visitor.server.desk.lending = Lending(
        lambda _: Predictor(LookHarmonizer(counted, predictor.info)), ("photographic",)
    )
    form = visitor.ask("GET", "/api/start")["form"]
    assert [field["name"] for field in form] == list(Controls.__dataclass_fields__)
    assert all(field["label"] and field["help"] for field in form)
    key = visitor.ask("POST", "/api/shot", {"picture": visitor.upload(files["cutout.png"])["key"]})["key"]

    def preview(**controls):
        status, headers, data = visitor.send("POST", f"/api/preview?shot={key}", {"controls": controls})
        assert status == 200, data
        assert headers["Content-Type"] == "image/jpeg"
        return data

    same = visitor.send("GET", f"/api/composite?shot={key}")[2]
    assert preview(strength=0) == same
    seen = {
        preview(),
        preview(strength=0.5),
        preview(strength=1.5),
        preview(mode="global"),
        preview(max_delta_e=2.0),
        same,
    }
    assert len(seen) == 6
    assert len(looked) == 1
    preview(invert=True)
    preview(invert=True, strength=0.3)
    assert len(looked) == 2


@pytest.mark.parametrize("form", ["JSON", "CDL", "Cube"])
def test_a_look_is_saved_at_the_strength_that_is_chosen(visitor, files, tmp_path, form):
    key = visitor.ask("POST", "/api/shot", {"picture": visitor.upload(files["cutout.png"], "a %04d b.png")["key"]})[
        "key"
    ]
    chosen = {"controls": {"strength": 0.5, "mode": "global"}}
    status, headers, data = visitor.send("POST", f"/api/look?shot={key}&format={form}", chosen)
    assert status == 200, data
    file = tmp_path / f"look.{form.lower()}"
    file.write_bytes(data)
    assert f"a %04d b_look.{form.lower()}" in unquote(headers["Content-Disposition"])
    picture = open_picture(files["cutout.png"])
    whole = brightness(picture.srgb, picture.alpha)  # sees the picture at 64x64, and this at its own size
    grey = np.full((1, 1, 3), 0.3, np.float32)
    wanted = whole.global_only().scaled(0.5).apply(grey, ceiling=None)
    np.testing.assert_allclose(load_look(file).apply(grey, ceiling=None), wanted, atol=0.02)
    assert np.abs(wanted - grey).max() > 0.05
    assert visitor.refusal("POST", f"/api/look?shot={key}&format=../x", chosen)[0] == 404


def test_a_cut_out_lies_where_it_is_put_and_the_background_keeps_its_bits(visitor, files):
    ask = {"picture": visitor.upload(files["deep.png"])["key"], "cutout": visitor.upload(files["cutout.png"])["key"]}
    assert visitor.ask("POST", "/api/shot", ask)["place"] == {"x": 0.5, "y": 0.5, "height": 1.0}
    moved = visitor.ask("POST", "/api/shot", {**ask, "place": {"x": 0.25, "y": 0.5, "height": 0.5}})
    name, data = visitor.result(moved["key"])
    assert "deep_harmonized.png" in name
    before = cv2.imread(str(files["deep.png"]), cv2.IMREAD_UNCHANGED)
    after = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert after.dtype == np.uint16
    rows, columns = np.nonzero((before != after).any(axis=-1))
    # the cut-out's own foreground is rows 28 to 100 of 120 and columns 40 to 120 of 168, now half as large
    assert (rows.min(), rows.max() + 1) == (44, 80)
    assert (columns.min(), columns.max() + 1) == (20, 60)
    plain, inverted, fitted = (
        cv2.imdecode(np.frombuffer(visitor.result(moved["key"], controls)[1], np.uint8), cv2.IMREAD_UNCHANGED) / 65535
        for controls in ({"strength": 0}, {"strength": 0, "invert": True}, {"invert": True})
    )
    np.testing.assert_allclose(inverted, plain, atol=1e-4)  # the cut-out is there whichever of both is fitted
    np.testing.assert_allclose(fitted[46:78, 22:58], plain[46:78, 22:58], atol=1e-4)
    assert np.abs(fitted - plain)[:40].max() > 0.01


def test_what_is_kept_is_bounded_and_the_oldest_goes_first(visitor, files):
    keys = [visitor.upload(files["cutout.png"])["key"] for _ in range(uploads.KEPT + 2)]
    assert len(list(visitor.server.desk.folder.iterdir())) == uploads.KEPT
    assert visitor.refusal("POST", "/api/shot", {"picture": keys[0]})[0] == 404
    made = [visitor.ask("POST", "/api/shot", {"picture": keys[-1]})["key"] for _ in range(shots.KEPT + 1)]
    assert visitor.refusal("GET", f"/api/composite?shot={made[0]}")[0] == 404
    assert visitor.send("GET", f"/api/composite?shot={made[-1]}")[0] == 200


def test_files_together_take_no_more_than_they_may(tmp_path, files):
    size = files["cutout.png"].stat().st_size
    kept = uploads.Uploads(tmp_path, kept_bytes=2 * size)
    keys = []
    for _ in range(3):
        with files["cutout.png"].open("rb") as body:
            keys.append(kept.add("a.png", size, body).key)
    assert [upload.key for upload in kept.all()] == keys[1:]
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) == 2 * size


def test_examples_are_there_at_once(visitor):
    for one in visitor.ask("GET", "/api/start")["examples"]:
        assert one["credit"]
        assert visitor.send("GET", f"/api/thumb?name={one['name']}")[2][:2] == b"\xff\xd8"
        sent = visitor.ask("POST", f"/api/example?name={one['name']}")
        shot = visitor.ask("POST", "/api/shot", {role: file["key"] for role, file in sent.items()})
        assert 0.01 < shot["share"] < 0.9


def test_the_command_prints_its_address_and_ctrl_c_leaves_nothing(tmp_path):
    model, folder = tmp_path / "look.onnx", tmp_path / "tmp"
    folder.mkdir()
    constant_look(model)
    command = [sys.executable, "-m", "harmonize_core", "serve", "--model", str(model), "--no-browser"]
    environment = {**os.environ, "TMPDIR": str(folder)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment}
    left = folder / "harmonize-serve-killed"
    left.mkdir()
    (left / "upload.png").touch()
    os.utime(left, (0, 0))
    heard = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a suite in the background ignores Ctrl-C
    server = subprocess.Popen([*command, "--port", "0"], **pipes, preexec_fn=heard)
    try:
        line = server.stdout.readline()
        assert line, server.stderr.read()
        url = urlsplit(line.strip())
        (ours,) = folder.glob("harmonize-serve-*")
        assert ours != left, "what a server left that was killed goes away"
        os.utime(ours, (0, 0))
        link = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
        link.request("GET", f"/?{url.query}")
        assert link.getresponse().status == 200
        taken = subprocess.run([*command, "--port", str(url.port)], **pipes, check=False)
        assert taken.returncode == 2
        assert re.fullmatch(
            r"error: no server can listen at port \d+ of 127.0.0.1 .*; choose another --port or --host\n", taken.stderr
        )
        assert ours.is_dir(), "another server takes nothing from one that lives"
        with socket.create_connection((url.hostname, url.port)):  # somebody is still there
            server.send_signal(signal.SIGINT)
            assert server.wait(60) == 0
        assert "Traceback" not in server.stderr.read()
    finally:
        server.kill()
        server.communicate()
    assert not list(folder.iterdir()), "neither our folder nor what ONNX Runtime keeps for its telemetry"


def test_a_terminal_that_is_closed_leaves_nothing(tmp_path):
    constant_look(tmp_path / "look.onnx")
    folder = tmp_path / "tmp"
    folder.mkdir()
    command = [sys.executable, "-m", "harmonize_core", "serve", "--model", str(tmp_path / "look.onnx")]
    heard = functools.partial(signal.signal, signal.SIGHUP, signal.SIG_DFL)  # a suite under nohup ignores it
    server = subprocess.Popen(
        [*command, "--no-browser", "--quiet", "--port", "0"],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(folder)},
        preexec_fn=heard,
    )
    try:
        assert server.stdout.readline()
        assert list(folder.glob("harmonize-serve-*"))
        server.send_signal(signal.SIGHUP)
        assert server.wait(60) == 128 + signal.SIGHUP
    finally:
        server.kill()
        server.communicate()
    assert not list(folder.glob("harmonize-serve-*"))
