#!/usr/bin/env python3
"""bench/macro measures what it says: every load moves something with the bound, the kernel and our stack, no result is believed
of a slow bound, and the results are in files. How fast anything is is not asked here."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests/support"), str(ROOT / "bench/macro")]
import netns  # noqa: E402
import run as bench  # noqa: E402
from measure import summary  # noqa: E402
from results import Report  # noqa: E402

SOURCES = {"load": ["load.cc"], "bound": ["bound.cc"], "kernel": ["server.cc", "-DBENCH_KERNEL"],
           "tunic": ["server.cc", f"-I{netns.BUILD}/include", f"-L{netns.BUILD}/lib", "-ltunic", f"-Wl,-rpath,{netns.BUILD}/lib"]}
WORKS = ["receive", "send", "rr", "rr8", "crr", "crr16", "raw-receive", "raw-send"]
PEERS = {"bound", "kernel", "tunic"}


def build(folder):
    (folder / "bin").mkdir()
    jobs = [(name, subprocess.Popen(["g++", "-std=c++23", "-O1", "-Wall", "-Wextra", *source, "-o", folder / "bin" / f"bench_{name}",
                                     "-pthread", "-Wno-missing-field-initializers"], cwd=ROOT / "bench/macro"))
            for name, source in SOURCES.items()]
    return [f"bench_{name} does not build" for name, job in jobs if job.wait() != 0]


def run(folder, *arguments):
    """(exit status, what it printed, what is in the file of each part)."""
    done = subprocess.run([sys.executable, ROOT / "bench/macro/run.py", *arguments], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                          env={**os.environ, "TUNIC_BENCH_BUILD": str(folder)})
    parts = {path.stem: json.loads(path.read_text()) for path in (folder / "macro").glob("*.json")}
    return done.returncode, done.stdout, parts


def works(report, folder):
    status, said, parts = run(folder, "--only", ",".join(WORKS), "--peers", ",".join(sorted(PEERS)), "--runs", "1", "--seconds", "0.1")
    report.check("the bench runs", "" if status == 0 else said)
    for work in WORKS:
        rows = parts.get(work, {})
        report.check(f"{work} moves something with each peer", [] if rows.keys() == PEERS and all(
            row["median"] > 0 and len(row["rates"]) == 1 for row in rows.values()) else str(rows)[:300])
    report.check("requests have latencies", "" if all(
        0 < row["p50_us"] <= row["p99_us"] and row["histogram"] for row in parts.get("rr", {"none": {"p50_us": 0}}).values()) else said)


def idle(report, folder):
    status, said, parts = run(folder, "--quick", "--only", "connections,idle", "--peers", "tunic-epoll", "--runs", "1", "--seconds", "0.1")
    report.check("idle connections are measured", "" if status == 0 and parts["idle"]["memory"]["tunic-epoll"]["idle"] > 0 and
                 parts["idle"]["descriptor"] > 0 and parts["connections"]["1000"]["tunic-epoll"]["median"] > 0 else said)


def refusals(report, folder):
    status, said, _ = run(folder, "--only", "nothing")
    report.check("a part that does not exist is refused", "" if status != 0 and "nothing" in said else said)


def arithmetic(report):
    """The verdict and the ratios, from rates that are given."""
    def rows(bound, kernel):
        run_of = lambda rate: {"rate": rate, "unit": "1/s", "histogram": [[1, 2]]}  # noqa: E731
        return summary({"bound": [run_of(bound), run_of(bound * 2)], "kernel": [run_of(kernel), run_of(kernel * 2)]})
    verdicts = [("valid", {"receive": rows(91, 100), "rr": rows(131, 100)}), ("not valid", {"receive": rows(89, 100)}),
                ("not valid", {"receive": rows(100, 100), "rr": rows(129, 100)})]
    report.check("a slow bound proves nothing", [f"{all_rows} is not {wanted}" for wanted, all_rows in verdicts
                                                 if not bench.validity(all_rows).startswith(f"{wanted}:")])
    report.check("nothing is said where nothing was compared", "" if bench.validity({"crr": rows(1, 1)}) is None else "something is")
    row = rows(200, 100)["kernel"]
    report.check("ratios are taken within a turn", "" if row["ratio"] == 0.5 and row["ratio_low"] == 0.5 else str(row))
    report.check("latencies of all runs are together", "" if row["histogram"] == [(1, 4)] else str(row["histogram"]))


def main():
    report = Report()
    arithmetic(report)
    if why := netns.why_not_isolated():
        report.skip("bench/macro", why)
        sys.exit(report.finish())
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        wrong = build(folder)
        report.check("the programs build", wrong)
        status, said, _ = run(folder, "--only", "rr", "--peers", "bound", "--runs", "1", "--seconds", "0.05")
        if status != 0 and "TUN" in said:
            report.skip("bench/macro", said.splitlines()[-1])
        elif not wrong:
            works(report, folder)
            idle(report, folder)
            refusals(report, folder)
    sys.exit(report.finish())


main()
