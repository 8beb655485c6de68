#!/usr/bin/env python3
"""ping on our stack: the kernel answers, a host that is not there does not, and errors are told."""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from kernel_side import FAMILIES, run_test, wanted  # noqa: E402
from results import Report  # noqa: E402


def ping(*arguments, **environment):
    done = subprocess.run([netns.BUILD / "bin/ping", *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=30, env={**os.environ, **netns.STACK, **environment})
    return done.returncode, done.stdout, done.stderr


def is_answered(theirs, size):
    status, out, errors = ping("-c", 5, "-i", 0.01, "-s", size, theirs)
    answers = re.findall(rf"^{size + 8} bytes from {re.escape(theirs)}: icmp_seq=(\d) ttl=64 time=[\d.]+ ms$", out, re.M)
    return [wanted("status", (status, errors), (0, "")), wanted("answers in order", answers, list("12345")),
            wanted("statistics", "5 packets transmitted, 5 received, 0% packet loss" in out and "rtt min/avg/max/mdev = " in out, True)]


def is_not_answered(nobody):
    """An address of the device's network that nobody has: the kernel throws the requests away."""
    status, out, errors = ping("-c", 2, "-i", 0.01, "-W", 0.3, nobody)
    return [wanted("status", (status, errors), (1, "")), wanted("statistics", "2 packets transmitted, 0 received, 100% packet loss" in out, True)]


def dies_on_the_way(theirs, beyond):
    """With one hop to live, the kernel, which forwards here, says that it was one too few."""
    status, out, errors = ping("-c", 1, "-t", 1, "-W", 5, beyond)
    return [wanted("status", (status, errors), (1, "")),
            wanted("told", re.findall(r"^From (\S+) icmp_seq=1 (.*)$", out, re.M), [(theirs, "Time to live exceeded")]),
            wanted("statistics", "1 packets transmitted, 0 received, +1 errors, 100% packet loss" in out, True)]


def itself(family):
    status, out, _ = ping("-c", 3, "-i", 0.01, "127.0.0.1" if family == "IPv4" else "::1", TUNIC_DEVICE="lo")
    return wanted("answers", (status, len(re.findall(r"^64 bytes from", out, re.M))), (0, 3))


def main():
    name = "our ping"
    netns.isolate_test(name)
    netns.make_tun()
    # A second network behind the kernel, for packets that it has to forward.
    netns.run(["ip", "tuntap", "add", "dev", "beyond", "mode", "tun"])
    pathlib.Path("/proc/sys/net/ipv6/conf/beyond/disable_ipv6").write_text("0")
    for address in ("198.19.0.1/24", "fd00:9::1/64"):
        netns.run(["ip", "address", "add", address, "dev", "beyond", *(["nodad"] if ":" in address else [])])
    netns.run(["ip", "link", "set", "beyond", "up"])
    pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    pathlib.Path("/proc/sys/net/ipv4/icmp_ratelimit").write_text("0")   # redirects would use up what it may tell us
    pathlib.Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")
    report = Report()
    for family, theirs, _ in FAMILIES:
        for size in (0, 56, 1472, 1473, 9000, 65507):
            run_test(report, f"{name}: {size} octets, {family}", is_answered, theirs, size)
        run_test(report, f"{name}: nobody answers, {family}", is_not_answered, "198.18.0.77" if family == "IPv4" else "fd00:7::77")
        run_test(report, f"{name}: an error on the way, {family}", dies_on_the_way, theirs, "198.19.0.9" if family == "IPv4" else "fd00:9::9")
        run_test(report, f"{name}: itself, without a device, {family}", itself, family)
    sys.exit(report.finish())


main()
