#!/usr/bin/env python3
"""Draws neighbours.svg from neighbours.json; with --check, fails if the picture is not current.

The data is a run of
    cargo run -p limits-benches --bin neighbours > docs/picture/neighbours.json
"""

import json
import statistics
import sys
from pathlib import Path

HERE = Path(__file__).parent
DATA, PICTURE = HERE / "neighbours.json", HERE / "neighbours.svg"

WIDTH, LEFT, COLUMN, BAR = 800, 24, 205, 170
FIRST = 190  # left edge of the first column of bars
ROW = 44
STRIP = 44
WORST_MS = 5

STYLE = """
text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328; }
.head { font-weight: bold; }
.dim { fill: #59636e; font-size: 11px; }
.track { fill: #d8dee4; }
.used { fill: #2f7fd1; }
.full { fill: #cf3f2e; }
.fulltext { fill: #b32d1e; font-size: 11px; }
.line { stroke: #8c959f; stroke-width: 1; }
.call { stroke: #2f7fd1; stroke-width: 3; stroke-linecap: round; fill: none; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .dim { fill: #9198a1; }
  .track { fill: #2d333b; }
  .used { fill: #58a6ff; }
  .full { fill: #f0705f; }
  .fulltext { fill: #ff9488; }
  .line { stroke: #6e7681; }
  .call { stroke: #58a6ff; }
}
"""


def grouped(number):
    return f"{number:,}".replace(",", " ")


def size(number):
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if number >= unit and number % unit == 0:
            return f"{number // unit} {name}"
    return f"{number} B"


def milliseconds(us):
    return f"{us / 1000:.1f} ms".replace(".0 ms", " ms")


def text(x, y, words, style="", anchor="start"):
    style = f' class="{style}"' if style else ""
    anchor = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y}"{style}{anchor}>{words}</text>'


def bar(x, y, used, limit, show):
    """One resource of one guest, as a part of its limit."""
    full = used >= limit
    share = min(used / limit, 1.0)
    out = [f'<rect class="track" x="{x}" y="{y}" width="{BAR}" height="10" rx="2"/>']
    if share > 0:
        kind = "full" if full else "used"
        width = max(share * BAR, 1)
        out.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{width:.1f}" height="10" rx="2"/>')
    words = f"{show(used)} of {show(limit)}"
    out.append(text(x, y + 23, words, "fulltext" if full else "dim"))
    return out


def strip(y, name, latencies):
    """The neighbour's calls, from the first to the last, each at the height of its latency."""
    x, width = FIRST, 2 * COLUMN + BAR
    out = [text(LEFT, y + 14, name, "head")]
    median = statistics.median(latencies) / 1000
    out.append(text(LEFT, y + 30, f"median {median:.1f} ms", "dim"))
    out.append(text(LEFT, y + 44, f"slowest {max(latencies) / 1000:.1f} ms", "dim"))
    for height, label in ((0, f"{WORST_MS} ms"), (STRIP, "0")):
        out.append(f'<line class="line" x1="{x}" y1="{y + height}" x2="{x + width}" y2="{y + height}"/>')
        out.append(text(x - 6, y + height + 4, label, "dim", "end"))
    dots = []
    for index, us in enumerate(latencies):
        at = x + width * (index + 0.5) / len(latencies)
        dots.append(f"M{at:.1f} {y + STRIP * (1 - min(us / 1000 / WORST_MS, 1)):.1f}h0")
    out.append(f'<path class="call" d="{"".join(dots)}"/>')
    return out


def draw(data):
    body = []
    y = 28
    body.append(text(LEFT, y, "Four hostile components run again and again, each inside its own limits", "head"))
    y += 28
    for column, name in enumerate(("fuel, units", "memory", "time, waiting included")):
        body.append(text(FIRST + column * COLUMN, y, name, "dim"))
    y += 12
    for guest in data["hostile"]:
        body.append(text(LEFT, y + 10, guest["name"], "head"))
        body.append(text(LEFT, y + 24, guest["outcome"], "dim"))
        kinds = (("fuel", grouped), ("memory", size), ("time_us", milliseconds))
        for column, (key, show) in enumerate(kinds):
            body += bar(FIRST + column * COLUMN, y, *guest[key], show)
        y += ROW
    y += 18
    calls = len(data["beside_us"])
    body.append(text(LEFT, y, f"A neighbour in the same process, {calls} calls in a second: latency of each", "head"))
    y += 18
    body += strip(y, "alone", data["alone_us"])
    y += STRIP + 30
    body += strip(y, "beside the four", data["beside_us"])
    y += STRIP + 22
    what = "Bars: use of each guest's limits in its last execution. Dots: time from when a call is due to its result."
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img">',
        "<title>Hostile guests at their limits, and the latency of a neighbour beside them</title>",
        f"<desc>{what}</desc>",
        f"<style>{STYLE}</style>",
        *body,
        "</svg>",
        "",
    ])


def main():
    picture = draw(json.loads(DATA.read_text()))
    if sys.argv[1:] == ["--check"]:
        if PICTURE.read_text() != picture:
            sys.exit(f"{PICTURE} is not what {DATA} says: run {__file__}")
    else:
        PICTURE.write_text(picture)


main()
