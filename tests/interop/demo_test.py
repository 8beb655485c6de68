#!/usr/bin/env python3
"""tools/demo itself, on the device and on the link in memory: what the README promises first."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from results import Report  # noqa: E402

DEVICE = "tools/demo over TUN"


def story(*arguments):
    done = subprocess.run([sys.executable, ROOT / "tools/lib/demo.py", *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    return done.returncode, done.stdout


def over_tun(report):
    status, said = story()
    if "No TUN device" in said:
        report.skip(DEVICE, said.splitlines()[0])
    elif status != 0:
        report.not_ok(DEVICE, said)
    else:
        took = float(re.search(r"It took ([\d.]+) s", said)[1])
        report.check(DEVICE, "" if took < 10 else f"it took {took} s, not less than 10")


def main():
    report = Report()
    over_tun(report)
    status, said = story("--embedded")
    report.check("tools/demo --embedded", "" if status == 0 else said or f"exit status {status}")
    sys.exit(report.finish())


main()
