# SPDX-License-Identifier: Apache-2.0
"""Open a report in headless Chromium, use it as a person would, and say what is wrong with it.

    python scripts/check_report.py OUT [--shots DIR]

Every picture must load, the console must stay silent, filters, paging and the view dialog must work, and nothing may
be wider than the window, at 1400 and at 400 pixels. A report of clips has moving pictures instead of a script. Needs a
Chromium (apt-get install chromium) and nothing else; rdharmony itself needs no browser. Exit code 0 if all is well.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
WIDTHS = (1400, 400)

WAIT_FOR_PICTURES = """
(async () => {
  for (const image of document.images) image.loading = "eager";
  const late = new Promise(done => setTimeout(done, 20000));
  await Promise.race([late, Promise.allSettled([...document.images].filter(i => i.src).map(i => i.decode()))]);
  const tiles = [...document.querySelectorAll(".tile")].map(t => getComputedStyle(t).backgroundImage.slice(5, -2));
  const load = src => new Promise(done => {
    const i = new Image(); i.onload = () => done(null); i.onerror = () => done(src); i.src = src;
  });
  const broken = (await Promise.all([...new Set(tiles)].map(load))).filter(Boolean);
  const bad = [...document.images].filter(i => i.src && !i.naturalWidth).map(i => i.src);
  return JSON.stringify({ pictures: document.images.length, tiles: tiles.length, broken: [...bad, ...broken],
    wide: document.documentElement.scrollWidth - WIDTH });
})()
"""

USE = """
(async () => {
  const wrong = [], $ = id => document.getElementById(id), rows = () => document.querySelectorAll("#rows .row").length;
  const pause = () => new Promise(done => setTimeout(done, 300));
  const expect = (ok, what) => { if (!ok) wrong.push(what); };
  const views = window.rdharmony.views;
  expect(rows() === Math.min(20, views.length), "the first page should show up to 20 views but shows " + rows());
  for (const id of ["by-category", "by-place", "by-split"]) {
    const select = $(id), key = { "by-category": "category", "by-place": "place", "by-split": "split" }[id];
    select.selectedIndex = 1; select.onchange();
    const wanted = views.filter(v => v[key] === select.value).length;
    expect(rows() === Math.min(20, wanted), id + " should leave " + wanted + " views but shows " + rows());
    select.selectedIndex = 0; select.onchange();
  }
  $("by-name").value = "no such view"; $("by-name").oninput();
  expect(rows() === 0 && !$("empty").hidden, "a name that does not exist should show no view");
  $("by-name").value = ""; $("by-name").oninput();
  const next = document.querySelectorAll(".pager button")[1];
  if (views.length > 20) {
    next.click();
    expect(rows() === Math.min(20, views.length - 20), "the second page should show views but shows " + rows());
  }
  document.querySelector("#rows .tile").click(); await pause();
  expect($("view").open, "a click on a picture should open the view");
  const was = $("name").textContent, under = document.querySelector("#large img").src;
  const away = [...$("foregrounds").children].find(b => b.getAttribute("aria-pressed") === "false");
  away.click(); await pause();
  expect(document.querySelector("#large img").src !== under, "another foreground should show another composite");
  const edge = $("close").getBoundingClientRect().right;
  expect(edge <= document.documentElement.clientWidth, "the close button should be in the window but ends at " + edge);
  const range = document.querySelector("#large input"); range.value = 250; range.oninput();
  expect($("large").style.getPropertyValue("--cut") === "25%", "the slider should move the line");
  if (!$("later").disabled) {
    $("later").click(); await pause();
    expect($("name").textContent !== was, "the arrow should show the next view");
  }
  return JSON.stringify(wrong);
})()
"""

MOVE = """
(async () => {
  const wrong = [], films = [...document.images].filter(i => i.src.endsWith(".webp"));
  if (!films.length) wrong.push("a report of clips should show moving pictures but shows none");
  if (document.scripts.length) wrong.push("a report of clips should need no script");
  for (const link of document.querySelectorAll("nav a")) {
    if (!document.getElementById(link.hash.slice(1))) wrong.push("the link " + link.hash + " leads nowhere");
  }
  return JSON.stringify(wrong);
})()
"""

LEAVE = """
(async () => {
  const wrong = [], view = document.getElementById("view"), name = document.getElementById("name").textContent;
  if (location.hash !== "#" + name) wrong.push("the address should name " + name + " but ends in " + location.hash);
  document.getElementById("close").click();
  await new Promise(done => setTimeout(done, 300));
  if (view.open || location.hash) wrong.push("the close button should close the view and clear the address");
  return JSON.stringify(wrong);
})()
"""


class Browser:
    """One headless Chromium, spoken to over a pair of pipes in the DevTools protocol."""

    def __init__(self, program: str, profile: Path) -> None:
        to_read, self._out = os.pipe()
        self._in, to_write = os.pipe()
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
        # Chromium reads commands from descriptor 3 and answers on 4.
        shell = f'exec "$@" 3<&{to_read} 4>&{to_write}'
        command = [
            "bash",
            "-c",
            shell,
            "bash",
            program,
            *options,
            f"--user-data-dir={profile}",
            "--remote-debugging-pipe",
        ]
        self._process = subprocess.Popen(
            command, pass_fds=(to_read, to_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_read)
        os.close(to_write)
        self._numbers, self._rest = itertools.count(1), b""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and wait for its answer; events on the way are kept."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if hasattr(self, "_session"):
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def evaluate(self, script: str) -> Any:
        """The value of a script, awaited."""
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"]["exception"].get("description", "the script failed"))
        return result["result"].get("value")

    def open(self, url: str) -> None:
        """Go to a page and wait until it has loaded."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self._read())

    def complaints(self) -> list[str]:
        """What the console, failed requests and uncaught errors said since the page was opened."""
        found = []
        for event in self.events:
            facts = event.get("params", {})
            match event.get("method"):
                case "Log.entryAdded" if facts["entry"]["level"] in ("error", "warning"):
                    found.append(f"console: {facts['entry']['text']} {facts['entry'].get('url', '')}")
                case "Runtime.consoleAPICalled" if facts["type"] in ("error", "warning", "assert"):
                    found.append("console: " + " ".join(str(a.get("value", "")) for a in facts["args"]))
                case "Runtime.exceptionThrown":
                    found.append("error: " + facts["exceptionDetails"].get("exception", {}).get("description", "?"))
                case "Network.requestWillBeSent" if facts["request"]["url"].startswith(("http:", "https:", "ws")):
                    found.append(f"the page asked the network for {facts['request']['url']}")
        return found

    def close(self) -> None:
        with contextlib.suppress(RuntimeError, OSError):
            self.call("Browser.close")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._in, 2**20)
            if not part:
                raise RuntimeError("the browser ended; does it start by hand with --headless?")
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)


def check(browser: Browser, page: Path, width: int, shots: Path | None, *, clips: bool) -> Iterator[str]:
    """What is wrong with the page, of clips or of stills, in a window of that width."""
    phone = width < 600
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=phone)
    started = time.monotonic()
    browser.open(page.resolve().as_uri())
    loaded = time.monotonic() - started
    found = json.loads(browser.evaluate(WAIT_FOR_PICTURES.replace("WIDTH", str(width))))
    if shots:
        shoot(browser, shots / f"report_{width}.png", whole=True)
    yield from (f"{width} px: does not load: {src}" for src in found["broken"])
    if found["wide"] > 0:
        yield f"{width} px: the page is {found['wide']} pixels wider than the window"
    if clips:
        yield from (f"{width} px: {what}" for what in json.loads(browser.evaluate(MOVE)))
        yield from (f"{width} px: {words}" for words in browser.complaints())
        print(f"{width} px: {found['pictures']} pictures, loaded in {loaded:.1f} s")
        return
    yield from (f"{width} px: {what}" for what in json.loads(browser.evaluate(USE)))
    again = json.loads(browser.evaluate(WAIT_FOR_PICTURES.replace("WIDTH", str(width))))
    yield from (f"{width} px: does not load in the view: {src}" for src in again["broken"])
    if shots:
        shoot(browser, shots / f"view_{width}.png", whole=False)
    yield from (f"{width} px: {what}" for what in json.loads(browser.evaluate(LEAVE)))
    yield from (f"{width} px: {words}" for words in browser.complaints())
    print(f"{width} px: {found['pictures']} pictures and {found['tiles']} tiles, loaded in {loaded:.1f} s")


def shoot(browser: Browser, path: Path, *, whole: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
    path.write_bytes(base64.b64decode(picture["data"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="a data set with a report")
    parser.add_argument("--shots", type=Path, help="folder for screenshots")
    args = parser.parse_args()
    page = args.out / "report" / "index.html"
    if not page.is_file():
        sys.exit(f"error: {page} does not exist; run rdharmony report {args.out}")
    clips = json.loads((args.out / "dataset.json").read_bytes())["spec"]["clip"] > 0
    program = next((p for name in NAMES if (p := shutil.which(name))), None)
    if program is None:
        sys.exit("error: a Chromium is needed for this check and none was found; run apt-get install chromium")
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(program, Path(profile))
        try:
            wrong = [line for width in WIDTHS for line in check(browser, page, width, args.shots, clips=clips)]
        finally:
            browser.close()
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        sys.exit(f"error: {len(wrong)} things are wrong with {page}")
    print(f"{page} is as it should be")


if __name__ == "__main__":
    main()
