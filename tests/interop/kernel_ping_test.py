#!/usr/bin/env python3
"""The kernel's ping asks our stack for echoes: none is lost, none is changed."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from kernel_side import FAMILIES, run_test, wanted  # noqa: E402
from remote import Remote  # noqa: E402
from results import Report  # noqa: E402


def ping(address, size):
    """Ping fills a packet with a pattern and complains when another comes back."""
    said = netns.run(["ping", "-q", "-c", 100, "-i", 0.01, "-W", 5, "-s", size, address])
    counts = re.search(r"(\d+) packets transmitted, (\d+) received", said)
    return [wanted("sent and answered", counts and counts.groups(), ("100", "100")),
            said if re.search(r"wrong|duplicates|errors|corrupted", said) else ""]


def main():
    name = "ping"
    netns.isolate_test(name)
    netns.make_tun()
    report = Report()
    remote = Remote()
    remote.call("start")
    for family, _, ours in FAMILIES:
        for size in (0, 56, 1400):
            run_test(report, f"{name}: 100 times {size} octets, {family}", ping, ours, size)
    remote.stop()
    sys.exit(report.finish())


main()
