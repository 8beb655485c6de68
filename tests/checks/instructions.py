#!/usr/bin/env python3
"""The fast paths cost no more instructions than bench/guard/baseline.tsv says, and 3 %: work is counted, not timed.

    tests/checks/instructions.py                  compares
    tests/checks/instructions.py --write "WHY"    writes what is counted now into the baseline, and why as a comment

bench/guard/guard.cc does each piece of work many times, under callgrind. See there what counts."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from results import Report  # noqa: E402

BUILD = pathlib.Path(os.environ.get("TUNIC_BUILD", ROOT / "build/release"))
GUARD = BUILD / "bin/guard"
BASELINE = ROOT / "bench/guard/baseline.tsv"
SLACK = 0.03
NOT_COUNTED = re.compile(r"tunic::(guard|\(anonymous namespace\)::guard|Peer)::|guard_(begin|end)")
COST = re.compile(r"[+*\-\d]\S* (\d+)$")


def instructions(dump):
    """What the program's own functions took themselves, by a dump of callgrind's."""
    total, now, names, of_call = 0, {"ob": "", "fn": ""}, {}, False
    for line in dump.read_text().splitlines():
        if match := re.match(r"c?(ob|fn)=\((\d+)\)(?: (.*))?$", line):
            kind, number, name = match.groups()
            if name:
                names[kind, number] = name
            if line[0] != "c":
                now[kind] = names[kind, number]
        elif line.startswith("calls="):
            of_call = True  # the next line is what the called function took
        elif match := COST.match(line):
            if not of_call and now["ob"] == str(GUARD) and not NOT_COUNTED.search(now["fn"]):
                total += int(match[1])
            of_call = False
    return total


def measure():
    """(the compiler's version, work -> instructions each)"""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out"
        done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--zero-before=guard_begin",
                               "--dump-before=guard_end", str(GUARD)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip()[-2000:] or f"valgrind gave {done.returncode}")
        (_, compiler), *works = [line.split("\t") for line in done.stdout.splitlines()]
        return compiler, {name: instructions(pathlib.Path(f"{out}.{i}")) / int(times)
                          for i, (name, times) in enumerate(works, 1)}


def read_baseline():
    """(lines of comment, the compiler's version, work -> instructions each)"""
    lines = BASELINE.read_text().splitlines() if BASELINE.exists() else []
    rows = dict(line.split("\t") for line in lines if line and not line.startswith("#"))
    return [line for line in lines if line.startswith("#")], rows.pop("compiler", ""), {n: float(v) for n, v in rows.items()}


def write(why):
    comments, _, before = read_baseline()
    compiler, counted = measure()
    changed = [f"{name} {before[name]:.0f} -> {value:.0f}" for name, value in counted.items()
               if name in before and abs(value - before[name]) > 0.005 * before[name]]
    comments.append(f"# {why}" + (f" ({', '.join(changed)})" if changed else ""))
    rows = [f"compiler\t{compiler}", *(f"{name}\t{value:.1f}" for name, value in counted.items())]
    BASELINE.write_text("\n".join([*comments, *rows]) + "\n")


def compare(report):
    name = "the fast paths cost no more instructions than the baseline says"
    if not shutil.which("valgrind"):
        return report.skip(name, "needs valgrind")
    _, compiler, baseline = read_baseline()
    now, counted = measure()
    if now != compiler:
        return report.skip(name, f"the baseline is of compiler {compiler}, this build is of {now}")
    for work in sorted(counted.keys() | baseline.keys()):
        have, most = counted.get(work), baseline.get(work)
        if have is None or most is None:
            report.not_ok(f"instructions: {work}", "it is not counted any more" if have is None else "the baseline has no row of it")
            continue
        wrong = f"{have:.0f}, the baseline says {most:.0f}: {100 * (have / most - 1):+.1f} %" if have > most * (1 + SLACK) else ""
        report.check(f"instructions: {work}" if wrong else f"instructions: {work}, {have:.0f} of {most:.0f}", wrong)


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--write":
        return write(arguments[1])
    if arguments:
        sys.exit(f"{__doc__}")
    report = Report()
    compare(report)
    sys.exit(report.finish())


main(sys.argv[1:])
