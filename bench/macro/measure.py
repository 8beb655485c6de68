"""One run, runs in turns, and what they come to."""

import json
import os
import pathlib
import statistics

import netns
from netns import run
from places import PEER_ADDRESS, ROOT, Place, on, sides, within
from works import PEERS

BUILD = pathlib.Path(os.environ.get("TUNIC_BENCH_BUILD", ROOT / "build/bench"))
PROGRAMS = BUILD / "bin"


def why_left_out(name):
    """Why a peer cannot be measured, if it cannot. bench/macro/peers/build has said more."""
    program = PEERS[name].program
    return "" if (PROGRAMS / program).exists() else f"{name}: there is no {program}, bench/macro/peers/build could not build it"


def present(peers):
    return [p for p in peers if not why_left_out(p)]


class Server:
    """A peer that serves, until the end of the `with`."""

    places = {}

    def __init__(self, name, cpus, raw=False, options=()):
        peer = PEERS[name]
        if name not in self.places:
            self.places[name] = Place(name, peer.veth, peer.mtu, peer.queues > 1)
        self.name, self.place = name, self.places[name]
        program = [PROGRAMS / peer.program, "--device", "tun0", "--address", PEER_ADDRESS, *(["--raw"] if raw else []),
                   *(["--mtu", peer.mtu] if peer.mtu != 1500 else []), *peer.options, *options]
        self.program = netns.Program(within(self.place.peer, on(cpus, program)), ready="^ready$")

    def __enter__(self):
        self.place.wait_for_carrier()
        return self

    def __exit__(self, *_):
        self.program.stop()

    @property
    def pid(self):
        return self.program.process.pid

    def load(self, cpus, *arguments):
        """The load's command line."""
        return within(self.place.load, on(cpus, [PROGRAMS / "bench_load", *map(str, arguments), "--to", PEER_ADDRESS]))


class Bench:
    def __init__(self, options):
        self.options = options

    def once(self, name, load, cpus=1, apart=True, raw=False, options=()):
        """One run of one peer: what the load has printed. `apart`: of two CPUs, each side has one."""
        of_peer, of_load = sides(cpus, apart)
        try:
            with Server(name, of_peer, raw, (*options, *(PEERS[name].on_two if cpus == 2 and apart else ()))) as server:
                timing = ("--seconds", self.options.seconds, "--warm-up", self.options.warm_up, "--histogram")
                return json.loads(run(server.load(of_load, *load, *timing)))
        except netns.Failure as why:
            raise netns.Failure(f"{' '.join(map(str, load))} with {name}: {why}") from None

    def in_turns(self, cases, runs=None):
        """All runs, A B C A B C. `cases`: name -> arguments of once(). name -> results."""
        results = {name: [] for name in cases}
        for _ in range(runs or self.options.runs):
            for name, arguments in cases.items():
                results[name].append(self.once(**arguments))
        return results


def summary(results):
    """Of each: median, spread, the ratio to the first in the same turn, and the latencies of all runs together."""
    base = [r["rate"] for r in next(iter(results.values()))]
    out = {}
    for name, runs in results.items():
        rates = [r["rate"] for r in runs]
        ratios = [a / b for a, b in zip(rates, base)]
        row = {"median": statistics.median(rates), "low": min(rates), "high": max(rates), "unit": runs[0]["unit"],
               "ratio": statistics.median(ratios), "ratio_low": min(ratios), "ratio_high": max(ratios), "rates": rates}
        for key in ("p50_us", "p90_us", "p99_us", "p999_us"):
            if key in runs[0]:
                row[key] = statistics.median(r[key] for r in runs)
        if any(r["histogram"] for r in runs):
            row["histogram"] = merged(r["histogram"] for r in runs)
        out[name] = row
    return out


def merged(histograms):
    total = {}
    for histogram in histograms:
        for microseconds, count in histogram:
            total[microseconds] = total.get(microseconds, 0) + count
    return sorted(total.items())
