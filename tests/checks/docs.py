#!/usr/bin/env python3
"""The public headers are documented: doxygen, which asks for a comment on each name, has nothing to warn of."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from results import Report  # noqa: E402

HEADER = re.compile(r"\bstack/\w+/\w+\.h\b")


def headers_that_differ():
    """What is installed and not in the reference, or the other way round."""
    lists = re.findall(r"file\(GLOB (?:public_headers|c_header)\b[^)]*\)", (ROOT / "CMakeLists.txt").read_text())
    installed = set(HEADER.findall(" ".join(lists)))
    described = set(HEADER.findall((ROOT / "docs/Doxyfile").read_text()))
    if not installed:
        return ["CMakeLists.txt names no public headers"]
    return [f"{name} is installed but not in docs/Doxyfile" for name in sorted(installed - described)] + \
           [f"{name} is in docs/Doxyfile but not installed" for name in sorted(described - installed)]


def warnings():
    with tempfile.TemporaryDirectory() as folder:
        config = (ROOT / "docs/Doxyfile").read_text() + f"\nOUTPUT_DIRECTORY = {folder}\n"
        done = subprocess.run(["doxygen", "-"], input=config, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=120)
        said = done.stdout.replace(f"{ROOT}/", "").splitlines()
        if done.returncode != 0:
            said.append(f"doxygen gave {done.returncode}")
        if not said and not (pathlib.Path(folder) / "html/index.html").is_file():
            said.append("doxygen wrote no page")
        return said


def main():
    report = Report()
    report.check("the reference is of the headers that are installed", headers_that_differ())
    name = "every name in the public headers is documented"
    if shutil.which("doxygen"):
        report.check(name, warnings())
    else:
        report.skip(name, "needs doxygen")
    sys.exit(report.finish())


main()
