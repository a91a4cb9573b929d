# SPDX-License-Identifier: Apache-2.0
"""Open the page of a training run in headless Chromium, use it as a person would, and say what is wrong with it.

    python scripts/check_run_page.py runs/first/report.html [--shots DIR]

Curves must be drawn and tell their values under the cursor, a drag must look closer, a picture must open large, the
console must stay silent, nothing may be asked from the network or be wider than the window, at 1400 and at 400 pixels,
light and dark. Needs a Chromium; rdharmony itself needs no browser. Exit code 0 if all is well.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from check_report import NAMES, WIDTHS, Browser, shoot

USE = """
(async () => {
  const wrong = [], expect = (ok, what) => { if (!ok) wrong.push(what); };
  const data = JSON.parse(document.getElementById("data").textContent);
  const charts = [...document.querySelectorAll("#charts .chart")];
  expect(charts.length === data.charts.length, `there should be ${data.charts.length} charts but are ${charts.length}`);
  charts.forEach((box, i) => {
    const drawn = box.querySelectorAll("path.curve:not(.raw)").length + box.querySelectorAll("circle").length;
    expect(drawn >= data.charts[i].series.length, `"${data.charts[i].title}" should have all its curves`);
    expect(![...box.querySelectorAll("path")].some(p => /NaN|Infinity/.test(p.getAttribute("d"))), "a curve is broken");
  });
  const svg = charts[0]?.querySelector("svg"), frame = svg?.getBoundingClientRect();
  const last = charts[0]?.querySelector(".legend").textContent;
  const at = (kind, share) => svg.dispatchEvent(new PointerEvent(kind, { bubbles: true, button: 0, pointerId: 1,
    clientX: frame.left + 56 + share * (frame.width - 66), clientY: frame.top + 60 }));
  if (svg && data.charts[0].series[0].step.length > 1) {
    svg.setPointerCapture = () => {};
    at("pointermove", 0);
    const first = data.charts[0].series[0].value[0];
    const said = Number(charts[0].querySelector(".legend b").textContent.split(" ")[0]);
    expect(Math.abs(said - first) <= 1e-3 * Math.abs(first), `the cursor should tell ${first} but tells ${said}`);
    at("pointerdown", 0); at("pointermove", 0.5); at("pointerup", 0.5);
    expect(!document.getElementById("whole").disabled, "a drag should look closer");
    document.getElementById("whole").click();
    for (const id of ["log", "time"]) { document.getElementById(id).click(); document.getElementById(id).click(); }
    at("pointerleave", 0);
    expect(charts[0].querySelector(".legend").textContent === last, "the legend should end at the last values again");
  }
  const look = document.querySelector('.look[data-kind="harmonized"]');
  if (look) {
    look.click();
    const large = document.getElementById("large");
    expect(large.open, "a click on a picture should open it large");
    expect([...large.querySelectorAll("img")].every(i => i.src.startsWith("data:")), "all three should have a picture");
    document.getElementById("close").click();
    expect(!large.open, "the close button should close it");
  }
  await Promise.allSettled([...document.images].filter(i => i.src).map(i => i.decode()));
  expect([...document.images].every(i => !i.src || i.naturalWidth), "every picture should load");
  const wide = document.documentElement.scrollWidth - innerWidth;
  expect(wide <= 0, `the page is ${wide} pixels wider than the window`);
  return JSON.stringify(wrong);
})()
"""


def check(browser: Browser, page: Path, width: int, scheme: str, shots: Path | None) -> Iterator[str]:
    """What is wrong with the page in a window of that width and colour scheme."""
    phone = width < 600
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=phone)
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.open(page.resolve().as_uri())
    if shots:
        shoot(browser, shots / f"run_{width}_{scheme}.png", whole=True)
    for words in [*json.loads(browser.evaluate(USE)), *browser.complaints()]:
        yield f"{width} px, {scheme}: {words}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path, help="what harmonize report wrote")
    parser.add_argument("--shots", type=Path, help="folder for screenshots")
    args = parser.parse_args()
    if not args.page.is_file():
        sys.exit(f"error: {args.page} does not exist; run harmonize report RUN")
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        sys.exit("error: a Chromium is needed for this check and none was found; run apt-get install chromium")
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(program, Path(profile))
        try:
            looks = [(width, scheme) for width in WIDTHS for scheme in ("light", "dark")]
            wrong = [line for look in looks for line in check(browser, args.page, *look, args.shots)]
        finally:
            browser.close()
    if wrong:
        sys.exit("\n".join([*wrong, f"error: {len(wrong)} things are wrong with {args.page}"]))
    print(f"{args.page} is as it should be")


if __name__ == "__main__":
    main()
