# SPDX-License-Identifier: Apache-2.0
"""Start `harmonize serve`, use its page in headless Chromium as a person would, and say what is wrong with it.

    python scripts/check_serve_page.py --model charmnet_hr.onnx [--shots DIR]

Examples are clicked, files chosen, the strength is moved with the mouse and the keyboard, the line dragged, a cut-out
moved, pictures and looks are downloaded and read again, wrong files must each give one sentence, the console must stay
silent, nothing may be asked from elsewhere or be wider than the window, at 1400 and at 390 pixels, light and dark, and
Ctrl-C must end it all. Needs a Chromium; the page itself needs any browser. Exit code 0 if all is well.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from check_report import NAMES, Browser, shoot
from PIL import Image

from harmonize_core.formats.picture import open_picture
from harmonize_core.web.examples import EXAMPLES, PHOTOS

SIZES = ((1400, 900), (390, 844))
WAIT = 120.0
"""Seconds that anything may take, on a busy machine."""


class Hand:
    """A mouse and a keyboard in front of the page."""

    def __init__(self, browser: Browser, downloads: Path) -> None:
        self.browser, self.downloads = browser, downloads
        browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
        browser.call("DOM.enable")

    def says(self, script: str) -> Any:
        """The value of an expression."""
        return self.browser.evaluate(script)

    def until(self, script: str, what: str) -> None:
        """Wait for an expression to be true."""
        end = time.monotonic() + WAIT
        while not self.says(f"Boolean({script})"):
            if time.monotonic() > end:
                raise RuntimeError(f"waited in vain until {what}; the page says {self.says(ALERTS)!r}")
            time.sleep(0.3)

    def middle(self, selector: str) -> tuple[float, float]:
        """Where an element is, after scrolling to it."""
        at = self.says(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block:'center'}});"
            "const b = e.getBoundingClientRect(); return [b.left + b.width / 2, b.top + b.height / 2]; })()"
        )
        return at[0], at[1]

    def click(self, selector: str) -> None:
        self.drag(self.middle(selector))

    def drag(self, *points: tuple[float, float]) -> None:
        """Press at the first point, move over the others, let go at the last."""
        for kind, (x, y) in (
            ("mousePressed", points[0]),
            *(("mouseMoved", point) for point in points[1:]),
            ("mouseReleased", points[-1]),
        ):
            self.browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def key(self, name: str, code: int) -> None:
        for kind in ("keyDown", "keyUp"):
            self.browser.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)

    def choose(self, selector: str, file: Path) -> None:
        """As the file dialog does it."""
        found = self.browser.call("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")
        self.browser.call("DOM.setFileInputFiles", files=[str(file)], objectId=found["result"]["objectId"])

    def previews(self) -> int:
        return int(self.says("Number(document.body.dataset.previews ?? 0)"))

    def another_preview(self, before: int) -> None:
        self.until(f"Number(document.body.dataset.previews ?? 0) > {before}", "another preview came")

    def downloaded(self, selector: str) -> Path:
        """What a click on a download button saves."""
        known = set(self.downloads.iterdir())
        self.click(selector)
        end = time.monotonic() + WAIT
        while True:
            new = [f for f in set(self.downloads.iterdir()) - known if f.suffix != ".crdownload" and f.stat().st_size]
            if new:
                return new[0]
            if time.monotonic() > end:
                raise RuntimeError(f"{selector} saved nothing; the page says {self.says(ALERTS)!r}")
            time.sleep(0.3)


ALERTS = "[...document.querySelectorAll('#alert:not([hidden]) p, .wrong')].map(a => a.textContent).join(' ').trim()"
"""What the page says is wrong."""

PIXELS = """(() => { const i = document.getElementById("after"), c = document.createElement("canvas");
  c.width = i.naturalWidth; c.height = i.naturalHeight; const g = c.getContext("2d"); g.drawImage(i, 0, 0);
  return g.getImageData(0, 0, c.width, c.height).data.reduce((a, b) => a + b, 0) / (c.width * c.height); })()"""
"""The mean of the harmonized preview."""

UNNAMED = """[...document.querySelectorAll("button, input, select")].filter(e => e.offsetParent !== null)
  .filter(e => !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length))
  .map(e => e.outerHTML).join(" ")"""
"""What a screen reader would have no words for."""


def check(hand: Hand, url: str, phone: bool, scheme: str, files: dict[str, Path], shots: Path | None) -> Iterator[str]:
    """What is wrong with the page in a window of that kind."""
    browser, label = hand.browser, f"{'phone' if phone else 'desk'}_{scheme}"
    width, height = SIZES[phone]
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.open(url)
    hand.until("document.body.dataset.ready", "the page was ready")
    hand.until("[...document.querySelectorAll('#examples img')].every(i => i.naturalWidth)", "the examples were seen")
    if shots:
        shoot(browser, shots / f"start_{label}.png", whole=phone)
    yield from wide(hand, width)
    if unnamed := hand.says(UNNAMED):
        yield f"controls without a name: {unnamed}"
    for name in EXAMPLES:
        before = hand.previews()
        hand.click(f"#example-{name}")
        hand.another_preview(before)
        hand.until("!document.getElementById('work').hidden", "the work was seen")
        if shots:
            hand.says("scrollTo(0, 0)")
            shoot(browser, shots / f"{name}_{label}.png", whole=phone)
        yield from wide(hand, width)
        if not phone and scheme == "light":
            yield from steer(hand, name)
        hand.click("#again")
    if not phone and scheme == "light":
        yield from wrong_files(hand, files)
        yield from own_files(hand, files)
    if words := hand.says(ALERTS):
        yield f"the page complains: {words}"
    origin = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}/"
    expected = "the server responded with a status of 4"  # Chromium says so of every refused file
    for words in browser.complaints():
        if f"asked the network for {origin}" not in words and not (expected in words and not phone):
            yield words


def wide(hand: Hand, width: int) -> Iterator[str]:
    over = hand.says(f"document.documentElement.scrollWidth - {width}")
    if over > 0:
        yield f"the page is {over} pixels wider than the window"


def steer(hand: Hand, name: str) -> Iterator[str]:
    """Move everything there is to move on the example that is open."""
    full, count = hand.says(PIXELS), hand.previews()
    x, y = hand.middle("#field-strength")
    left = hand.says("document.getElementById('field-strength').getBoundingClientRect().left")
    hand.drag((x, y), ((x + left) / 2, y), (left + 1, y))
    hand.another_preview(count)
    hand.until(f"Math.abs({PIXELS} - {full}) > 1e-6", "less strength changed the picture")
    count = hand.previews()
    hand.key("End", 35)
    hand.another_preview(count)
    if hand.says("document.querySelector('#field-strength').value") != "1.5":
        yield "the key End should bring the strength to its end"
    hand.drag(hand.middle("#cut"), (hand.middle("#cut")[0] - 150, hand.middle("#cut")[1]))
    cut = float(hand.says("document.getElementById('stage').style.getPropertyValue('--cut')")[:-1])
    if not 5 < cut < 45:
        yield "a drag should move the line between the two versions"
    hand.click("#see-mask")
    if hand.says("document.getElementById('shown-mask').hidden"):
        yield "the mask should be seen"
    hand.click("#see-mask")
    count = hand.previews()
    hand.click("[name=mode][value=global] + span")
    hand.another_preview(count)
    if name != "macaw":
        return
    count = hand.previews()
    hand.click("#move")
    x, y = hand.middle("#piece")
    hand.drag((x, y), (x - 40, y), (x - 80, y - 30))
    hand.another_preview(count)
    count = hand.previews()
    hand.key("ArrowRight", 39)
    hand.another_preview(count)
    hand.click("#compare")
    file = hand.downloaded("#download")
    picture, plate = open_picture(file).srgb, open_picture(PHOTOS / f"{EXAMPLES['macaw'].plate}.jpg").srgb
    if picture.shape != plate.shape or not 0.5 < (picture == plate).all(axis=-1).mean() < 1:
        yield "the background of a cut-out should come back as it was, but for the cut-out"


def wrong_files(hand: Hand, files: dict[str, Path]) -> Iterator[str]:
    """Each must give one sentence, and the page must go on."""
    hand.click("[name=kind][value=mask] + span")
    for name in ("text", "cut off", "empty"):
        hand.choose("#file-picture", files[name])
        refusal = "document.querySelector('[data-role=picture] .wrong').textContent"
        hand.until(f"{refusal}.includes({json.dumps(files[name].name)})", f"a file that is {name} was refused")
        words = hand.says(refusal)
        if "/" in words or words.count(". ") or not words.endswith("."):
            yield f"a file that is {name} should give one sentence but gives: {words}"
    hand.choose("#file-picture", files["picture"])
    hand.until("document.querySelector('[data-role=picture].full')", "a right file was taken after wrong ones")
    hand.choose("#file-second", files["small mask"])
    hand.until("!document.getElementById('alert').hidden", "a mask of another size was refused")
    words = hand.says(ALERTS)
    if "size" not in words or "/" in words:
        yield f"a mask of another size should give one sentence but gives: {words}"
    hand.click("#alert button")


def own_files(hand: Hand, files: dict[str, Path]) -> Iterator[str]:
    """A 16-bit picture goes in, and a 16-bit picture comes out."""
    count = hand.previews()
    hand.choose("#file-second", files["mask"])
    hand.another_preview(count)
    file = hand.downloaded("#download")
    before, after = (open_picture(one).raster.stored for one in (files["picture"], file))  # ty: ignore[missing-attribute]
    outside = np.asarray(Image.open(files["mask"])) == 0
    if after.dtype != np.uint16 or not (before[outside] == after[outside]).all() or (before == after).all():
        yield "a 16-bit picture should come back with 16 bits, changed inside the mask and nowhere else"
    if file.name != "a shot ä_harmonized.png":
        yield f"the download should be named after its picture but is {file.name}"
    for number in range(hand.says("document.querySelectorAll('#looks button').length")):
        look = hand.downloaded(f"#looks button:nth-of-type({number + 1})")
        if look.stat().st_size < 100:
            yield f"the look {look.name} should hold something"
    hand.click("#again")


def made(folder: Path) -> dict[str, Path]:
    """Right and wrong files of one's own."""
    import cv2

    rng = np.random.default_rng(0)
    files = {name: folder / f"{name}.png" for name in ("text", "cut off", "empty", "mask", "small mask")}
    files["picture"] = folder / "a shot ä.png"
    pixels = cv2.resize(rng.integers(0, 65535, (6, 8, 3), dtype=np.uint16), (400, 300), interpolation=cv2.INTER_CUBIC)
    files["picture"].write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    mask = np.zeros((300, 400), np.uint8)
    mask[80:260, 120:300] = 255
    Image.fromarray(mask).save(files["mask"])
    Image.fromarray(mask[::2, ::2]).save(files["small mask"])
    files["text"].write_text("no picture at all")
    files["cut off"].write_bytes(files["picture"].read_bytes()[:2000])
    files["empty"].write_bytes(b"")
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="charmnet_hr", help="as for harmonize serve")
    parser.add_argument("--shots", type=Path, help="folder for screenshots")
    args = parser.parse_args()
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        sys.exit("error: a Chromium is needed for this check and none was found; run apt-get install chromium")
    command = [sys.executable, "-m", "harmonize_core", "serve", "--port", "0", "--no-browser", "--model", args.model]
    with tempfile.TemporaryDirectory(prefix="check-serve-") as temporary:
        folder = Path(temporary)
        for name in ("profile", "downloads", "files", "tmp"):
            (folder / name).mkdir()
        server = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(folder / "tmp")}
        )
        try:
            url = server.stdout.readline().strip() if server.stdout else ""
            if not url:
                sys.exit("error: the server did not start")
            wrong = used(Browser(program, folder / "profile"), folder, url, args.shots)
        finally:
            server.send_signal(signal.SIGINT)
            code = server.wait(30)
        if code != 0 or list((folder / "tmp").glob("harmonize-serve-*")):
            wrong.append(f"Ctrl-C should end the server cleanly, but it ended with {code} or left its folder")
    if wrong:
        sys.exit("\n".join([*wrong, f"error: {len(wrong)} things are wrong with the page"]))
    print("the page is as it should be")


def used(browser: Browser, folder: Path, url: str, shots: Path | None) -> list[str]:
    """What is wrong with the page, in all windows."""
    try:
        hand, files = Hand(browser, folder / "downloads"), made(folder / "files")
        return [
            f"{SIZES[phone][0]} px, {scheme}: {line}"
            for phone, scheme in ((False, "light"), (True, "light"), (False, "dark"))
            for line in check(hand, url, phone, scheme, files, shots)
        ]
    finally:
        browser.close()


if __name__ == "__main__":
    main()
