#!/usr/bin/env python3
"""Rules about the sources themselves: the layout, includes, words that do not belong, marks of unfinished work, sleeps."""

import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from results import Report  # noqa: E402

FOLDERS = {"stack", "tun", "apps", "tests", "bench", "docs", "tools"}
FILES = {"CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md"}
NOT_OURS = {".git", "build", "__pycache__"}

# Each word is written so that this file does not hold it. What ties the tree to one machine or to the way it was written:
WORKPLACE = re.compile(
    r"/[w]ork/|/[r]oot/|/[h]ome/[a-z]|/[t]mp/[a-z]|/[f]arm/|\.\./[s]hared|\.[l]ibrary\b|[l]ocalhost:\d|"
    r"\b[s]ub-?[a]gents?\b|(?<!user-)(?<!user_)\b[a]gents?\b|\b[c]laude\b|\b[a]nthropic\b|\b[o]penai\b|"
    r"\b[c]hatgpt\b|\b[c]opilot\b|\bLL[M]s?\b|\bCE[O]\b|\b[a]s an ai\b|\bthis [i]ssue\b|\bissue [#]?\d", re.I)
# ... in prose, where it is not said of which protocol's:
PROSE = re.compile(r"\b[s]essions?\b", re.I)
PROSE_ALLOWED = re.compile(r"\b(tcp|tls|http|ssh|user) [s]essions?\b|\b[s]ession keys?\b", re.I)
ROOM_INCLUDE = re.compile(r'#\s*include\s*["<](?:tunic/)?(?:base|wire|buf|port|ip|udp|tcp|core|ping|posix|libtunic|tun)/')
UNFINISHED = re.compile(r"\bTO[D]O\b|\bFIX[M]E\b|\bXX[X]\b|\bHAC[K]\b|\bnot implemente[d]\b|\bstu[b]s?\b")
SLEEP = re.compile(r"[s]leep_for|[s]leep_until|\b[u]sleep\s*\(|\b[n]anosleep\b|\btime\.[s]leep\b|(?<![\w.])[s]leep\s*\(|"
                   r"^\s*[s]leep\s+[\d.$]")
NAMED_TEST = re.compile(r"`(tests/[\w./-]+): ([^`]+)`")
NAMED_PATH = re.compile(r"`((?:stack|tun|apps|tests|bench|docs|tools)/[\w./-]*)`")
PARENT_INCLUDE = re.compile(r'#\s*include\s*"\.\./')


def sources():
    """Every text file of the tree and its lines."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(set(folders) - NOT_OURS)
        for path in (pathlib.Path(folder) / name for name in sorted(set(names) - NOT_OURS)):  # .git is a file in a worktree
            try:
                yield str(path.relative_to(ROOT)), path.read_text().splitlines()
            except UnicodeDecodeError:
                continue


def hits(files, pattern, allowed=None):
    found = []
    for name, lines in files:
        for number, line in enumerate(lines, 1):
            text = allowed.sub("", line) if allowed else line
            if match := pattern.search(text):
                found.append(f"{name}:{number} '{match[0].strip()}'")
    return found


def layout():
    wrong = [f"{name}/ is missing or empty" for name in sorted(FOLDERS)
             if not any(path.is_file() for path in (ROOT / name).rglob("*"))]
    wrong += [f"{name} is missing" for name in sorted(FILES | {".ci/run"}) if not (ROOT / name).is_file()]
    for path in ROOT.iterdir():
        if path.name not in FOLDERS | FILES | NOT_OURS and not path.name.startswith("."):
            wrong.append(f"{path.name} does not belong at the top level")
    return wrong


def missing_paths(pages):
    return [f"{name}:{number} {path}" for name, lines in pages for number, line in enumerate(lines, 1)
            for path in NAMED_PATH.findall(line) if not (ROOT / path).exists()]


def wrong_requirements():
    """Each row of docs/host-requirements.md names tests that exist, or says in words why there is none."""
    wrong, rows = [], 0
    for number, line in enumerate((ROOT / "docs/host-requirements.md").read_text().splitlines(), 1):
        cells = [cell.strip() for cell in line.split("|")][1:-1]
        if not cells or cells[0] in ("section", "---"):
            continue
        rows += 1
        if len(cells) != 5 or not cells[4]:
            wrong.append(f"line {number}: a row has five cells, and the last is not empty")
        for name, test in NAMED_TEST.findall(line):
            if not (ROOT / name).is_file() or not re.search(rf"(?<!\w){re.escape(test)}(?!\w)", (ROOT / name).read_text()):
                wrong.append(f"line {number}: {name} has no {test}")
    return wrong or ([] if rows > 100 else [f"only {rows} rows"])


def threats_without_a_test(tests):
    """IDs of docs/threats.md that no test names."""
    ids = re.findall(r"^\| ([A-Z]\d+) \|", (ROOT / "docs/threats.md").read_text(), re.M)
    cited = {name for _, lines in tests for line in lines for name in re.findall(r"\b[A-Z]\d{1,2}\b", line)}
    return [f"no test names {name}" for name in ids if name not in cited] or ("" if ids else "docs/threats.md has no rows")


def main():
    report = Report()
    files = list(sources())
    code = [(name, lines) for name, lines in files if name.endswith((".cc", ".h", ".c"))]
    written = [(name, lines) for name, lines in files if name != "LICENSE"]
    prose = [(name, lines) for name, lines in written if not name.endswith((".cc", ".h", ".c"))]
    tests = [(name, lines) for name, lines in files if name.startswith("tests/") and not name.endswith(".md")]

    report.check("the top level holds what it should and nothing else", layout())
    report.check("sources were found", "" if len(code) > 10 and tests else f"only {len(code)} files of code")
    report.check("headers are included by room, not by path", hits(code, PARENT_INCLUDE))
    programs = [(name, lines) for name, lines in code if name.startswith("apps/") and not name.startswith("apps/embedded")]
    report.check("programs know tunic.h alone, but for the one that embeds a Stack", hits(programs, ROOM_INCLUDE))
    report.check("every header says #pragma once or has a guard", [
        name for name, lines in code if name.endswith(".h")
        and not any(line.startswith(("#pragma once", "#ifndef")) for line in lines)])
    report.check("no word ties the tree to a machine or a workplace",
                 hits(written, WORKPLACE) + hits(prose, PROSE, PROSE_ALLOWED))
    pages = [(name, lines) for name, lines in files if name.endswith(".md")]
    report.check("what the pages name exists", missing_paths(pages))
    report.check("what a host owes is met where the page says so", wrong_requirements())
    report.check("each threat on the page has a test that names it", threats_without_a_test(tests))
    report.check("nothing is marked as unfinished", hits(code, UNFINISHED))
    report.check("tests wait for what they wait for, they do not sleep", hits(tests, SLEEP))
    sys.exit(report.finish())


main()
