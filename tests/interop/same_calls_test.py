#!/usr/bin/env python3
"""The same calls, made on the kernel's sockets and on ours, give the same results.

The sequences are in tests/oracle/sequences. Each runs for its families on both sides, over loopback in a namespace of its own,
and what came is compared: results, errno, addresses, readiness, octets. docs/linux-differences.md lists what differs on purpose.

    same_calls_test.py [--show] [--jobs N] [WORD...]    # only runs whose titles hold a WORD; --show: the transcripts"""

import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests/oracle")]
import netns  # noqa: E402
import notation  # noqa: E402
import oracle  # noqa: E402
from backend import Backend  # noqa: E402
from differences import Listed  # noqa: E402
from results import Report  # noqa: E402

NAME = "same calls"
AT_LEAST = 400
ENVIRONMENT = {"TUNIC_DEVICE": "lo", "TUNIC_ADDRESS": "198.18.0.2/32,fd00:7::2/128", "TUNIC_LINGER": "1",
               "TUNIC_ROUTE": "throw default"}


def show(run):
    for side, transcript in (("Linux", run.linux), ("Tunic", run.tunic)):
        print(f"--- {run.title}: {side}")
        for _, text, said in transcript.lines:
            print(f"    {text}  ->  {said}")


def main(arguments):
    options = [a for a in arguments if a.startswith("--")]
    words = [a for a in arguments if not a.startswith("--")]
    if not netns.isolated() and (why := netns.why_not_isolated()):
        print(f"skip - {NAME}: {why}")
        return 0
    netns.isolate()
    os.environ.update(ENVIRONMENT)
    for address in ENVIRONMENT["TUNIC_ADDRESS"].split(","):
        netns.run(["ip", "address", "add", address, "dev", "lo"])
    pathlib.Path("/proc/sys/net/ipv4/tcp_fastopen").write_text("0")  # a host that does not have it
    pathlib.Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 0")
    pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").write_text("reno")
    netns.run(["ip", "link", "set", "lo", "mtu", "16384"])  # as ours to itself
    report = Report()
    sequences = notation.read_all(ROOT / "tests/oracle/sequences")
    listed = Listed(ROOT / "docs/linux-differences.md", sequences)
    chosen = [s for s in sequences if not words or any(w in title for w in words for title in s.titles())]
    linux, tunic = Backend("linux", None), Backend("tunic", str(netns.BUILD / "lib/libtunic.so"))
    begun = time.monotonic()
    results = {id(s): [] for s in chosen}
    missing = {}
    for run in oracle.run_all(chosen, linux, tunic):
        if "--show" in options:
            show(run)
        found = run.difference()
        if found is None:
            missing.setdefault(run.tunic.missing, []).append(run.title)
            found, wrong = [], f"tunic_{run.tunic.missing} is not there yet"
        else:
            wrong = listed.judge(run, found)
        its = results[id(run.sequence)]
        its.append(f"{run.family}: {wrong}" if wrong else "")
        if len(its) == len(run.sequence.families):
            title = f"{NAME}: {run.sequence.topic}: {run.sequence.name}"
            its = [w for w in its if w]
            if its:
                report.failed += 1
                report.count += 1
                print(f"not ok - {title}\n    " + "\n    ".join(its), flush=True)
            else:
                report.ok(title)
    if not words:
        report.check(f"{NAME}: docs/linux-differences.md lists sequences that there are", listed.wrong)
        report.check(f"{NAME}: at least {AT_LEAST} sequences", "" if len(chosen) >= AT_LEAST else f"only {len(chosen)}")
    runs = sum(len(s.families) for s in chosen)
    print(f"{len(chosen)} sequences, {runs} runs on each side, {time.monotonic() - begun:.0f} s"
          + "".join(f"; tunic_{name} not there yet: {len(titles)} runs" for name, titles in sorted(missing.items())))
    return report.finish()


sys.exit(main(sys.argv[1:]))
