#!/usr/bin/env python3
"""The C and C++ sources are as clang-format leaves them. Versions differ in taste: ours is Debian 12's, 14."""

import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from results import Report  # noqa: E402

FOLDERS = ["stack", "tun", "apps", "tests", "bench"]
NAME = "sources are formatted (tools/format does it)"


def main():
    report = Report()
    tool = shutil.which("clang-format")
    version = subprocess.run([tool, "--version"], stdout=subprocess.PIPE, text=True).stdout if tool else ""
    if not re.search(r"version 14\.", version):
        report.skip(NAME, "needs clang-format 14")
        sys.exit(report.finish())
    sources = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*")
                     if path.suffix in (".cc", ".h", ".c"))
    done = subprocess.run([tool, "--dry-run", *map(str, sources)], stderr=subprocess.PIPE, text=True)
    report.check(NAME, sorted({str(pathlib.Path(line.split(":")[0]).relative_to(ROOT))
                               for line in done.stderr.splitlines() if "-Wclang-format-violations" in line}))
    sys.exit(report.finish())


main()
