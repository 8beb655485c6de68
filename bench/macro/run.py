#!/usr/bin/env python3
"""Measures whole streams, requests and connections: our stack and others under the same load of the kernel's.

    tools/bench --macro [--quick] [--only PART,...] [--peers PEER,...] [--runs N] [--seconds S]

Each peer is a program in a network namespace with a TUN device of its own; `kernel` is behind a veth pair instead. It is
started as PROGRAM --device tun0 --address 198.18.0.2 [--raw] ..., says `ready`, and ends on SIGTERM; its ports are in
options.h. Peers take turns, A B C A B C, so that what the machine does otherwise meets all of them; both sides are held on
one CPU, and for two-cpus on one each. What counts is the ratio to `bound` (bound.cc) in the same turn. It is believed only
where the bound itself is as fast as it must be: 0.9 times the kernel's veth in bulk and 1.3 times in request and answer.

Each part writes its results to build/bench/macro/PART.json. Everything made is gone when this ends, however it ends."""

import argparse
import json
import platform
import re
import subprocess
import sys
import time

import places
import netns
from idle import growth, kernel_memory_of_a_descriptor, memory, wake_ups
from measure import BUILD, Bench, present, summary, why_left_out
from works import BY_EPOLL, CURVED, IDLE, ON_TWO, PEERS, TWO_FLOWS, WORKS

PARTS = {
    **{name: work.tells for name, work in WORKS.items()},
    "two-cpus": "bulk, requests and connections with a CPU for each side",
    "queues": "two flows on two CPUs, with one queue and with two",
    "sizes": "bulk and requests by the octets of a message",
    "connections": "requests by the number of connections",
    "idle": "memory of idle connections, requests beside them, and wake-ups",
}
LIMITS = {"receive": 0.9, "rr": 1.3}


class Report:
    """Prints the parts as they come, and writes each to a file."""

    def __init__(self):
        self.folder = BUILD / "macro"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.begun = time.monotonic()

    def save(self, part, results):
        (self.folder / f"{part}.json").write_text(json.dumps(results, indent=1))

    def rows(self, title, rows):
        print(f"\n{title}")
        first = next(iter(rows))
        for name, row in rows.items():
            latency = f"  p50 {row['p50_us']:.1f} p99 {row['p99_us']:.1f} us" if "p99_us" in row else ""
            print(f"  {name:14} {rate(row):>8} {row['unit']:6} {100 * (row['high'] - row['low']) / row['median']:4.0f} % spread"
                  f"   {row['ratio']:5.2f} ({row['ratio_low']:.2f} to {row['ratio_high']:.2f}) of {first}{latency}", flush=True)

    def curve(self, title, curve, unit):
        """`curve`: x -> rows."""
        print(f"\n{title}, {unit}; in brackets the ratio to {next(iter(next(iter(curve.values()))))}")
        for x, rows in curve.items():
            print(f"  {x:>8}  " + "  ".join(f"{name} {rate(row)} ({row['ratio']:.2f})" for name, row in rows.items()), flush=True)


def rate(row):
    return f"{row['median']:.4g}" if row["unit"] == "Gbit/s" else f"{row['median']:.0f}"


# ---- the parts ----

def work_rows(bench, name, cpus=1, peers=None):
    work = WORKS[name]
    wanted = present(bench.options.peers or peers or work.peers)
    return summary(bench.in_turns({p: {"name": p, "load": work.load, "cpus": cpus, "raw": work.raw} for p in wanted}))


def two_cpus(bench, report):
    results = {}
    for name, peers in ON_TWO.items():
        results[name] = work_rows(bench, name, 2, peers)
        report.rows(f"{name}, two CPUs: {WORKS[name].tells}", results[name])
    report.save("two-cpus", results)


def queues(bench, report):
    """The peer may use both CPUs, and has as many queues as it likes; of the load, each flow is on one."""
    wanted = present(bench.options.peers or TWO_FLOWS)
    results = {}
    for name in ("receive", "send"):
        load = (*WORKS[name].load, "--clients", 2, "--spread")
        results[name] = summary(bench.in_turns({p: {"name": p, "load": load, "cpus": 2, "apart": False} for p in wanted}))
        report.rows(f"{name}, two flows on two CPUs: {WORKS[name].tells}", results[name])
    report.save("queues", results)


def sizes(bench, report):
    """The load writes messages of a size, the peer sends with calls of that size, or both exchange them."""
    chosen = (1, 1024, 65536) if bench.options.quick else (1, 64, 1024, 4096, 16384, 65536, 262144, 1048576)
    cases = {"receive": ("push", CURVED), "send": ("pull", ("bound", "kernel", "tunic")), "rr": ("rr", CURVED)}
    results = {}
    for name, (load, peers) in cases.items():
        results[name] = {}
        for size in chosen:
            peers = present(bench.options.peers or peers)
            options = lambda p: ("--buffer", size) if load == "pull" and p != "bound" else ()  # noqa: E731,B023
            of_load = (load,) if load == "pull" else (load, "--size", size)
            results[name][size] = summary(bench.in_turns(
                {p: {"name": p, "load": of_load, "options": options(p)} for p in peers}, bench.options.curve_runs))
        report.curve(f"{name} by octets of a message", results[name], "1/s" if name == "rr" else "Gbit/s")
    report.save("sizes", results)


def connections(bench, report):
    chosen = (1, 100, 1000) if bench.options.quick else (1, 10, 100, 1000, 10000)
    peers = present(bench.options.peers or BY_EPOLL)
    results = {n: summary(bench.in_turns({p: {"name": p, "load": ("rr", "--clients", n)} for p in peers}, bench.options.curve_runs))
               for n in chosen}
    report.curve("requests of one octet by connections, at most 64 at once", results, "1/s")
    report.save("connections", results)


def idle(bench, report):
    quick = bench.options.quick
    peers = present(bench.options.peers or IDLE)
    results = {"memory": memory(peers, 1000 if quick else 10_000), "descriptor": kernel_memory_of_a_descriptor()}
    print("\nmemory of an idle connection, octets of the peer's own")
    for name, row in results["memory"].items():
        print(f"  {name:14} {row['idle']:8.0f}   after an octet each way {row['after_an_octet']:8.0f}")
    print(f"  and of the kernel's for the number of a socket of ours: {results['descriptor']:.1f}", flush=True)
    results["growth"] = growth(bench, present(["tunic-epoll", "kernel-epoll"]), 10, 2000 if quick else 15_000)
    for name, rows in results["growth"].items():
        report.rows(f"rr of {name} beside idle connections", rows)
    results["wake_ups"] = wake_ups(present(["tunic", "tunic-epoll"]), 100, 1 if quick else 5)
    results["wake_ups"] |= wake_ups(present(["tunic-epoll"]), 1000, 1 if quick else 5)
    for name, row in results["wake_ups"].items():
        print(f"\nwake-ups of {name} in {row['seconds']} s beside {row['connections']} idle connections: {row['wake_ups']}")
    report.save("idle", results)


def validity(all_rows):
    """Whether the bound was as fast as it must be, as a line; None where it was not measured beside the kernel."""
    said = []
    for work, least in LIMITS.items():
        rows = all_rows.get(work, {})
        if {"bound", "kernel"} <= rows.keys():
            ratio = 1 / rows["kernel"]["ratio"] if next(iter(rows)) == "bound" else rows["bound"]["ratio"]
            said.append((ratio >= least, f"bound is {ratio:.2f} of the kernel in {work}, must be {least}"))
    if not said:
        return None
    return ("valid: " if all(good for good, _ in said) else "not valid: ") + "; ".join(text for _, text in said)


def machine():
    processor = re.search(r"^model name\s*: (.*)$", open("/proc/cpuinfo").read(), re.M)
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            text=True, cwd=places.ROOT).stdout.strip()
    return {"processor": processor[1] if processor else platform.machine(), "kernel": platform.release(), "commit": commit}


# ---- ----

def arguments():
    parser = argparse.ArgumentParser(prog="tools/bench --macro", description=__doc__.split("\n")[0])
    words = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    parser.add_argument("--only", type=words, default=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--peers", type=words, help=", ".join(PEERS))
    parser.add_argument("--runs", type=int, help="of each peer; 5, of all with --quick 3")
    parser.add_argument("--seconds", type=float, help="of a run; 0.5, with --quick 0.3, of all with --quick 0.15")
    options = parser.parse_args()
    hurried = options.quick and options.only == list(PARTS)
    options.runs = options.runs or (3 if hurried else 5)
    options.curve_runs = 1 if options.quick else 3
    options.seconds = options.seconds or (0.15 if hurried else 0.3 if options.quick else 0.5)
    options.warm_up = 0.1 if options.quick else 0.2
    for given, known in ((options.only, PARTS), (options.peers or [], PEERS)):
        if unknown := [word for word in given if word not in known]:
            parser.error(f"what is {', '.join(unknown)}? There is {', '.join(known)}")
    return options


def main():
    options = arguments()
    if not netns.isolated() and (why := netns.why_not_isolated()):
        sys.exit(f"tools/bench: {why}")
    netns.isolate()
    if why := netns.why_no_tun():
        sys.exit(f"tools/bench: {why}")
    places.come_first()
    bench, report = Bench(options), Report()
    for line in filter(None, map(why_left_out, options.peers or PEERS)):
        print(f"left out: {line}")
    print(f"{options.runs} runs of {options.seconds} s, in turns, on one CPU")
    all_rows = {}
    for name in options.only:
        if name in WORKS:
            all_rows[name] = work_rows(bench, name)
            report.rows(f"{name}: {WORKS[name].tells}", all_rows[name])
            report.save(name, all_rows[name])
        else:
            {"two-cpus": two_cpus, "queues": queues, "sizes": sizes, "connections": connections, "idle": idle}[name](bench, report)
    verdict = validity(all_rows)
    if verdict:
        print(f"\n{verdict}")
    report.save("machine", machine() | {"validity": verdict, "runs": options.runs, "seconds": options.seconds})


if __name__ == "__main__":
    try:
        main()
    except netns.Failure as failure:
        sys.exit(f"tools/bench: {failure}")
