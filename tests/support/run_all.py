"""Builds and runs the tests; called by tools/test, whose --help says what there is."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from results import parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORES = len(os.sched_getaffinity(0))
THREADED = ["libtunic", "posix", "tun"]  # rooms with threads or locks: those that TSan is for
FUZZ_SECONDS = 20
UNIT_SECONDS, SCRIPT_SECONDS = 300, 180  # a test program that takes longer hangs

SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "second_deadlock_stack=1",
}


class Tally:
    """What passed, failed and was skipped, and one line a step."""

    def __init__(self):
        self.total = {"passed": 0, "failed": 0, "skipped": 0}

    def add(self, step, counts, seconds, outputs):
        for output in outputs:
            print(output.rstrip())
        for kind, n in counts.items():
            self.total[kind] += n
        said = ", ".join(f"{n} {kind}" for kind, n in counts.items() if n) or "nothing to run"
        print(f"{step:<24} {said} ({seconds:.0f} s)", flush=True)

    def finish(self):
        print("{passed} passed, {failed} failed, {skipped} skipped".format(**self.total), flush=True)
        return 1 if self.total["failed"] or not self.total["passed"] else 0


def total(counts):
    return {kind: sum(c[kind] for c in counts) for kind in ("passed", "failed", "skipped")}


def failure(title, text=""):
    return {"passed": 0, "failed": 1, "skipped": 0}, f"not ok - {title}\n{text}"


def run(command, seconds, env=None):
    """(status, output) of a command; status is None if it had to be ended for taking too long."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               cwd=ROOT, env={**os.environ, **(env or {})}, text=True, errors="replace",
                               start_new_session=True)
    try:
        output, _ = process.communicate(timeout=seconds)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return None, output
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise


def build(preset, targets=()):
    """"" or what went wrong."""
    flag = [] if preset == "release" else [f"--{preset}"]
    done = subprocess.run(["tools/build", *flag, *targets], cwd=ROOT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    return "" if done.returncode == 0 else done.stdout[-20_000:] or f"tools/build gave {done.returncode}"


# ---- unit tests and packet scripts: GoogleTest programs test_* ----

def gtest_counts(report):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for suite in report.get("testsuites", []):
        for test in suite["testsuite"]:
            if test.get("failures"):
                counts["failed"] += 1
            elif test["status"] != "RUN" or test["result"] == "SKIPPED":
                counts["skipped"] += 1
            else:
                counts["passed"] += 1
    return counts


def run_shard(program, shard, preset):
    """(counts, output to show) of one of CORES equal parts of a test program."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [str(program), f"--gtest_output=json:{report.name}", "--gtest_brief=1"]
        if preset == "tsan":
            command = ["setarch", "-R", *command]  # its shadow memory wants the old layout of addresses
        env = {**SANITIZER_OPTIONS, "GTEST_TOTAL_SHARDS": str(CORES), "GTEST_SHARD_INDEX": str(shard)}
        status, output = run(command, UNIT_SECONDS, env)
        try:
            counts = gtest_counts(json.load(open(report.name)))
        except ValueError:
            counts = {"passed": 0, "failed": 0, "skipped": 0}
    if status == 0:
        return counts, ""
    why = f"took more than {UNIT_SECONDS} s" if status is None else f"exit status {status}"
    counts["failed"] = max(counts["failed"], 1)
    return counts, f"not ok - {preset} {program.name}: {why}\n{output[-20_000:]}"


def unit_targets(rooms):
    """Names of the test programs of these rooms, or of all."""
    names = sorted({source.parent.name for source in (ROOT / "tests/unit").glob("*/*_test.cc")})
    return [f"test_{room}" for room in names if rooms is None or room in rooms]


def all_targets(preset):
    """Every test program that the build knows, those outside tests/unit too."""
    listed = subprocess.run(["ninja", "-C", f"build/{preset}", "-t", "targets", "all"], cwd=ROOT,
                            stdout=subprocess.PIPE, text=True).stdout
    return sorted(set(re.findall(r"^bin/(test_\w+): ", listed, re.M)))


def unit(tally, preset, rooms=None):
    start = time.monotonic()
    step = f"unit tests, {preset}"
    if rooms is None and (error := build(preset, ["tunic_headers"])):  # makes the build files be up to date
        counts, output = failure(f"{preset}: cannot be configured", error)
        return tally.add(step, counts, time.monotonic() - start, [output])
    known = all_targets(preset) if rooms is None else unit_targets(rooms)
    results = [failure(f"tests/unit/{name[5:]} is part of no test program in CMakeLists.txt")
               for name in unit_targets(rooms) if name not in known]
    if known and (error := build(preset, known)):
        results.append(failure(f"{preset}: does not build", error))
    elif known:
        programs = [ROOT / f"build/{preset}/bin/{name}" for name in known]
        with ThreadPoolExecutor(CORES) as pool:
            results += pool.map(lambda job: run_shard(*job), [(p, s, preset) for p in programs for s in range(CORES)])
    tally.add(step, total([c for c, _ in results]), time.monotonic() - start, [o for _, o in results if o])


# ---- scripts that print results by themselves: checks of the tree, tests against the kernel ----

def run_script(script, must_not_skip):
    status, output = run([str(script)], SCRIPT_SECONDS, {"TUNIC_BUILD": str(ROOT / "build/release")})
    counts = parse(output)
    why = ""
    if status is None:
        why = f"took more than {SCRIPT_SECONDS} s"
    elif status != 0 and not counts["failed"]:
        why = f"exit status {status}"
    elif not sum(counts.values()):
        why = "it tested nothing"
    elif must_not_skip and counts["skipped"]:
        why = f"{counts['skipped']} skipped, though there are root and a TUN"
        counts = {**counts, "skipped": 0, "failed": counts["failed"] + counts["skipped"] - 1}
    if why:
        counts["failed"] += 1
    if not counts["failed"]:
        return counts, ""
    return counts, f"not ok - {script.relative_to(ROOT)}: {why or 'see its lines'}\n{output[-20_000:]}"


def scripts(tally, step, found, workers, must_not_skip=False):
    start = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(lambda script: run_script(script, must_not_skip), sorted(found)))
    tally.add(step, total([c for c, _ in results]), time.monotonic() - start, [o for _, o in results if o])


def executables(folder, patterns):
    found = [path for pattern in patterns for path in (ROOT / folder).glob(pattern)]
    return [path for path in found if os.access(path, os.X_OK)]


def release(tally):
    start = time.monotonic()
    error = build("release")
    counts, output = failure("release: does not build", error) if error else ({"passed": 1, "failed": 0, "skipped": 0}, "")
    tally.add("release builds", counts, time.monotonic() - start, [output] if output else [])
    return not error


# ---- fuzz targets: each for a short while, from its seeds ----

def fuzz_target(name):
    """(counts, output to show): FUZZ_SECONDS of one target in which nothing broke."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = pathlib.Path(folder) / "corpus"
        corpus.mkdir()
        # The seed is fixed: two runs on the same sources begin alike. tools/fuzz draws another one each time.
        command = [ROOT / f"build/fuzz/bin/fuzz_{name}", "-seed=1", f"-max_total_time={FUZZ_SECONDS}", "-timeout=10",
                   "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={folder}/", corpus, ROOT / f"tests/fuzz/seeds/{name}"]
        status, output = run([str(part) for part in command], 6 * FUZZ_SECONDS, SANITIZER_OPTIONS)
        broken = [path.read_bytes().hex() for path in pathlib.Path(folder).glob("*-*")]
    executed = re.search(r"stat::number_of_executed_units: (\d+)", output)
    seeds = len(list((ROOT / f"tests/fuzz/seeds/{name}").iterdir()))
    if status == 0 and executed and int(executed[1]) > seeds:
        return {"passed": 1, "failed": 0, "skipped": 0}, ""
    why = "ran no more than its seeds" if status == 0 else f"exit status {status}; broken by (hex): {' '.join(broken)}"
    return failure(f"fuzz target {name}: {why}", output[-20_000:])


def fuzz(tally):
    start = time.monotonic()
    names = sorted(path.name for path in (ROOT / "tests/fuzz/seeds").iterdir())
    setup = subprocess.run(["tools/setup", "fuzz"], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True)
    error = setup.stdout if setup.returncode else build("fuzz", [f"fuzz_{name}" for name in names])
    if error:
        results = [failure("the fuzz targets do not build", error)]
    else:
        with ThreadPoolExecutor(CORES) as pool:
            results = list(pool.map(fuzz_target, names))
    tally.add(f"fuzz, {FUZZ_SECONDS} s each", total([c for c, _ in results]), time.monotonic() - start, [o for _, o in results if o])


def main(arguments):
    tally = Tally()
    tree = [ROOT / "tests/checks/tree.py"]
    if arguments == ["--fast"]:
        unit(tally, "debug")
        scripts(tally, "the tree", tree, CORES)
    elif arguments and not arguments[0].startswith("-"):
        unknown = [room for room in arguments if not unit_targets([room])]
        if unknown:
            sys.exit(f"tools/test: tests/unit/{unknown[0]} has no tests")
        unit(tally, "debug", arguments)
    elif arguments:
        sys.exit(f"tools/test: what is '{arguments[0]}'? See tools/test --help")
    else:
        unit(tally, "debug")
        if release(tally):
            scripts(tally, "tree and library", executables("tests/checks", ["*.py", "*.sh"]), CORES)
            kernel = os.geteuid() == 0 and os.path.exists("/dev/net/tun")
            scripts(tally, "against the kernel", executables("tests/interop", ["*_test.py", "*_test.sh"]), 1, kernel)
        unit(tally, "asan")
        unit(tally, "tsan", THREADED)
        fuzz(tally)
    return tally.finish()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
