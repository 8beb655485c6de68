#!/usr/bin/env python3
"""traceroute and tracepath reach our stack: their probes are answered with the errors, the echoes and the resets they look for."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from kernel_side import FAMILIES, run_test, wanted  # noqa: E402
from remote import Remote  # noqa: E402
from results import Report  # noqa: E402


def traceroute(ours, *method):
    """One hop, whose three probes are answered by us; three at a time, as we tell nobody more than a few errors at once."""
    said = netns.run(["traceroute", "-n", "-w", "5", "-m", "4", "-N", "3", *method, ours])
    hops = [line.split() for line in said.splitlines()[1:]]
    return [wanted("hops", [hop[:2] for hop in hops], [["1", ours]]),
            wanted("answers", len(re.findall(r"[\d.]+ ms", said)), 3)]


def tracepath(ours):
    said = netns.run(["tracepath", "-n", "-m", "4", ours])
    return [wanted("reached", re.findall(rf"^ 1: +{re.escape(ours)} .* reached$", said, re.M) != [], True),
            wanted("path MTU", re.findall(r"Resume: pmtu (\d+) hops 1", said), ["1500"])]


def main():
    name = "tracing the way"
    netns.isolate_test(name)
    netns.make_tun()
    report = Report()
    remote = Remote()
    remote.call("start")
    listener = remote.listen("::", 5080)
    for family, _, ours in FAMILIES:
        for title, method in (("UDP", ["-U"]), ("rising ports", []), ("ICMP", ["-I"]), ("TCP to a closed port", ["-T", "-p", "81"]),
                              ("TCP to an open port", ["-T", "-p", "5080"])):
            run_test(report, f"{name}: traceroute, {title}, {family}", traceroute, ours, *method)
        run_test(report, f"{name}: tracepath, {family}", tracepath, ours)
    listener.close()
    remote.stop()
    sys.exit(report.finish())


main()
