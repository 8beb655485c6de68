#!/usr/bin/env python3
"""bench/macro/report.py judges by the numbers: what is reached, what is missed, who is ahead, what was not measured."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "bench/macro")]
sys.dont_write_bytecode = True
import report  # noqa: E402
from results import Report  # noqa: E402


def row(*rates, unit="Gbit/s"):
    return {"median": sorted(rates)[len(rates) // 2], "low": min(rates), "high": max(rates), "unit": unit, "ratio": 1.0,
            "ratio_low": 1.0, "ratio_high": 1.0, "rates": list(rates)}


def parts(**given):
    names = (*report.WORKS, "two-cpus", "queues", "sizes", "connections", "idle", "machine")
    return {name: given.get(name.replace("-", "_"), {}) for name in names}


def verdicts(given):
    return {what: (found, reached) for what, _, found, reached in report.goals(given)}


def main():
    out = Report()
    receive = {"bound": row(10, 20, 30), "kernel": row(9, 18, 27), "tunic": row(9.5, 19, 28.5)}
    told = verdicts(parts(receive=receive))
    out.check("a ratio is taken turn by turn, and reaches its goal",
              "" if told["receive bulk, `tunic_recv` of 256 KiB"] == (0.95, True) else str(told))
    out.check("what was not measured is neither", "" if told["send bulk, by reference"] == (None, False) else str(told))
    slow = parts(receive={**receive, "tunic": row(5, 10, 15)})
    told = verdicts(slow)
    out.check("a goal is missed", "" if told["receive bulk, `tunic_recv` of 256 KiB"] == (0.5, False) else str(told))
    lines = list(report.losses(slow, report.goals(slow)))
    out.check("who is ahead is told", "" if any("kernel is 1.80 × tunic" in line for line in lines) else str(lines))
    out.check("the bound is no stack that could be ahead", [line for line in lines if "bound is" in line])
    fast = parts(receive=receive)
    out.check("nobody is ahead of the first", [line for line in report.losses(fast, []) if "kernel" in line])
    close = parts(receive={"kernel": row(10.4, 9, 10.4, 9), "tunic": row(10, 10, 10, 10)})
    out.check("who is ahead in half of the turns is not", list(report.losses(close, [])))
    lent = parts(receive={**receive, "tunic-lend": row(9, 20, 30)})
    out.check("a lending call is judged by itself",
              "" if verdicts(lent)["receive bulk, lending call"] == (1.0, True) else str(verdicts(lent)))
    idle = parts(idle={"memory": {"tunic-epoll": {"idle": 900, "after_an_octet": 1100}}})
    told = verdicts(idle)
    out.check("memory has a most", "" if told["memory of an idle connection"] == (900, True)
              and told["memory of an idle connection after an octet each way"] == (1100, False) else str(told))
    invalid = list(report.validity(parts(receive={**receive, "kernel": row(20, 40, 60)})))
    out.check("a slow bound proves nothing", "" if len(invalid) == 1 and "not valid" in invalid[0] else str(invalid))
    sys.exit(out.finish())


main()
