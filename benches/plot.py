#!/usr/bin/env python3
"""Draws what `writers.php` has measured: python3 benches/plot.py writers.json writers.svg (needs matplotlib)."""

import json
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "localapi"
matplotlib.rcParams["svg.fonttype"] = "none"
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)
import matplotlib.ticker  # noqa: E402

LABELS = {"localapi": "localapi", "peer": "PHP and PDO"}
TICKS = {"rate": [200, 500, 1_000, 2_000, 5_000], "p99": [1, 10, 100, 1_000, 10_000]}
STYLES = {"localapi": {"color": "#0b6e99", "marker": "o"}, "peer": {"color": "#b4531f", "marker": "s", "linestyle": "--"}}


def draw(rows, delay, value, axes):
    for by, label in LABELS.items():
        line = sorted((row["processes"], row[value]) for row in rows if (row["by"], row["delay"]) == (by, delay))
        axes.plot(*zip(*line), label=label, **STYLES[by])
    processes = sorted({row["processes"] for row in rows})
    axes.set_xscale("log", base=2)
    axes.set_xticks(processes, [str(number) for number in processes])
    axes.set_yscale("log")
    axes.set_yticks(TICKS[value], [f"{number:,}" for number in TICKS[value]], minor=False)
    axes.yaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axes.grid(True, which="major", alpha=0.3)


def main(source, target):
    with open(source, encoding="utf-8") as file:
        rows = json.load(file)["writers"]
    delays = sorted({row["delay"] for row in rows})
    figure, grid = plt.subplots(2, len(delays), figsize=(3.6 * len(delays), 5.4), sharex=True, sharey="row")
    for column, delay in enumerate(delays):
        draw(rows, delay, "rate", grid[0][column])
        draw(rows, delay, "p99", grid[1][column])
        grid[0][column].set_title(f"+{delay} ms a flush" if delay else "the disk as it is", fontsize=10)
        grid[1][column].set_xlabel("processes that write")
    grid[0][0].set_ylabel("durable creates a second")
    grid[1][0].set_ylabel("99 of 100 within, in ms")
    grid[0][0].legend(frameon=False, fontsize=9)
    figure.tight_layout()
    figure.savefig(target, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
