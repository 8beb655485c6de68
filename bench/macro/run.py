#!/usr/bin/env python3
"""Measures whole streams, requests and connections: our stack and others under the same load of the kernel's.

    tools/bench --macro [--quick] [--only WORK,...] [--peers PEER,...] [--runs N] [--seconds S] [--cpus 1|2]

Each peer is a program in a network namespace with a TUN device of its own; `kernel` is behind a veth pair instead. It is
started as PROGRAM --device tun0 --address 198.18.0.2 [--raw] ..., says `ready`, and ends on SIGTERM; its ports are in
options.h. Peers take turns, A B C A B C, so that what the machine does otherwise meets all of them; both sides are held on
one CPU, or with --cpus 2 on two. What counts is the ratio to `bound` (bound.cc) in the same turn. It is believed only where
the bound itself is as fast as it must be: 0.9 times the kernel's veth in bulk and 1.3 times in request and answer.

Results are written to build/bench/macro/*.json. Everything made is gone when this ends, however it ends."""

import argparse
import dataclasses
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from netns import run  # noqa: E402

PROGRAMS = pathlib.Path(os.environ.get("TUNIC_BENCH_BUILD", ROOT / "build/bench")) / "bin"
RESULTS = ROOT / "build/bench/macro"
LOAD_ADDRESS, PEER_ADDRESS = "198.18.0.1", "198.18.0.2"


@dataclasses.dataclass(frozen=True)
class Peer:
    program: str
    options: tuple = ()
    veth: bool = False
    mtu: int = 1500      # of its device, and told to it when it is another


@dataclasses.dataclass(frozen=True)
class Work:
    load: tuple          # what the load is told
    peers: tuple         # who is measured, unless --peers says otherwise; the first is what the others are compared with
    raw: bool = False
    tells: str = ""


PEERS = {
    "bound": Peer("bench_bound"),
    "bound-copy": Peer("bench_bound", ("--copy",)),
    "kernel": Peer("bench_kernel", veth=True),
    "tunic": Peer("bench_tunic"),
    "tunic-poll": Peer("bench_tunic", ("--wait", "poll")),
    "tunic-epoll": Peer("bench_tunic", ("--wait", "epoll")),
    # bench/macro/peers: lwIP as Debian has it, which knows no virtio_net_hdr; tuned, with checksums left to the kernel; and
    # with an MTU that makes up for super-packets, which it does not send. gVisor with super-packets, and with its own endpoint.
    "lwip": Peer("peer_lwip", ("--raw",)),
    "lwip-tuned": Peer("peer_lwip-tuned"),
    "lwip-65520": Peer("peer_lwip-tuned", mtu=65520),
    "gvisor": Peer("peer_gvisor"),
    "gvisor-own": Peer("peer_gvisor", ("--endpoint", "own")),
}
OTHERS = ("lwip", "lwip-tuned", "lwip-65520", "gvisor")

WORKS = {
    "receive": Work(("push",), ("bound", "bound-copy", "kernel", "tunic", *OTHERS), tells="bulk to the peer"),
    "send": Work(("pull",), ("bound", "bound-copy", "kernel", "tunic", *OTHERS), tells="bulk from the peer"),
    "rr": Work(("rr",), ("bound", "kernel", "tunic", "tunic-poll", "tunic-epoll", *OTHERS), tells="1 octet each way"),
    "rr8": Work(("rr", "--clients", "8"), ("bound", "kernel", "tunic", *OTHERS), tells="the same, 8 clients, 8 threads"),
    "crr": Work(("crr",), ("bound", "kernel", "tunic", *OTHERS), tells="connect, 1 octet each way, close"),
    "crr16": Work(("crr", "--clients", "16"), ("bound", "kernel", "tunic", *OTHERS), tells="the same, 16 clients"),
    "raw-receive": Work(("push",), ("bound", "tunic", "lwip", "lwip-tuned", "gvisor-own"), raw=True,
                    tells="bulk to the peer, no virtio_net_hdr"),
    "raw-send": Work(("pull",), ("bound", "tunic", "lwip", "lwip-tuned", "gvisor-own"), raw=True,
                 tells="bulk from the peer, no virtio_net_hdr"),
}


def why_left_out(name):
    """Why a peer cannot be measured, if it cannot. bench/macro/peers/build has said more."""
    program = PEERS[name].program
    return "" if (PROGRAMS / program).exists() else f"{name}: there is no {program}, bench/macro/peers/build could not build it"


# ---- namespaces ----

class Place:
    """Where a peer runs and where its load runs: two ends of a veth pair, or one namespace with a TUN device."""

    def __init__(self, name, veth, mtu=1500, multi_queue=False):
        self.peer = self.load = name
        add_namespace(name)
        if veth:
            self.load = f"{name}-load"
            add_namespace(self.load)
            run(["ip", "link", "add", "veth0", "netns", self.load, "type", "veth", "peer", "name", "veth0", "netns", self.peer])
            address(self.load, "veth0", LOAD_ADDRESS)
            address(self.peer, "veth0", PEER_ADDRESS)
        else:
            run(["ip", "-n", name, "tuntap", "add", "dev", "tun0", "mode", "tun", *(["multi_queue"] if multi_queue else [])])
            run(["ip", "-n", name, "link", "set", "tun0", "txqueuelen", "5000", "mtu", mtu])
            address(name, "tun0", LOAD_ADDRESS)
            run(["ip", "-n", name, "address", "add", "fd00::1/64", "dev", "tun0", "nodad"])

    def wait_for_carrier(self):
        """The kernel drops what is sent before it has noticed, in its own time, that a program holds the device."""
        netns.wait_until(lambda: "DOWN" not in run(["ip", "-n", self.peer, "-br", "link", "show", "up", "type", "tun"]), 5,
                         "the device has a carrier")


def add_namespace(name):
    run(["ip", "netns", "add", name])
    run(["ip", "-n", name, "link", "set", "lo", "up"])
    run(within(name, ["sysctl", "-qw", "net.ipv4.ip_local_port_range=1024 65535"]))


def address(namespace, device, text):
    run(["ip", "-n", namespace, "address", "add", f"{text}/24", "dev", device])
    run(["ip", "-n", namespace, "link", "set", device, "up"])


def within(namespace, command):
    return ["nsenter", f"--net=/run/netns/{namespace}", *command]


def cpus(count):
    """The last CPUs that we may use: the first ones have interrupts to see to."""
    return ",".join(map(str, sorted(os.sched_getaffinity(0))[-count:]))


def on(cpu_list, command):
    return ["taskset", "-c", cpu_list, *command]


# ---- runs ----

class Bench:
    def __init__(self, options):
        self.options = options
        self.cpus = cpus(options.cpus)
        self.places = {}

    def place(self, name):
        if name not in self.places:
            self.places[name] = Place(name, PEERS[name].veth, PEERS[name].mtu)
        return self.places[name]

    def once(self, work, name):
        """One run of one peer: what the load has printed."""
        peer, place = PEERS[name], self.place(name)
        program = [PROGRAMS / peer.program, "--device", "tun0", "--address", PEER_ADDRESS,
                   *(["--raw"] if work.raw else []), *(["--mtu", peer.mtu] if peer.mtu != 1500 else []), *peer.options]
        server = netns.Program(within(place.peer, on(self.cpus, program)), ready="^ready$")
        try:
            place.wait_for_carrier()
            load = [PROGRAMS / "bench_load", *work.load, "--to", PEER_ADDRESS, "--seconds", str(self.options.seconds)]
            return json.loads(run(within(place.load, on(self.cpus, load))))
        except netns.Failure as why:
            raise netns.Failure(f"{' '.join(work.load)} with {name}: {why}") from None
        finally:
            server.stop()

    def measure(self, name):
        """All runs of one work, in turns: peer -> results."""
        work = WORKS[name]
        peers = [p for p in self.options.peers or work.peers if not why_left_out(p)]
        results = {p: [] for p in peers}
        for _ in range(self.options.runs):
            for p in peers:
                results[p].append(self.once(work, p))
        return results


# ---- what comes out ----

def summary(results):
    """peer -> median, spread, and the ratio to the first peer in the same turn."""
    base = [r["rate"] for r in next(iter(results.values()))]
    out = {}
    for peer, runs in results.items():
        rates = [r["rate"] for r in runs]
        ratios = [a / b for a, b in zip(rates, base)]
        out[peer] = {"median": statistics.median(rates), "low": min(rates), "high": max(rates), "unit": runs[0]["unit"],
                     "ratio": statistics.median(ratios), "ratio_low": min(ratios), "ratio_high": max(ratios), "runs": runs}
    return out


def show(name, rows):
    print(f"\n{name}: {WORKS[name].tells}")
    for peer, row in rows.items():
        rate = f"{row['median']:.2f}" if row["unit"] == "Gbit/s" else f"{row['median']:.0f}"
        latency = f"  p99 {statistics.median(r['p99_us'] for r in row['runs']):.1f} us" if "p99_us" in row["runs"][0] else ""
        print(f"  {peer:14} {rate:>8} {row['unit']:6} {100 * (row['high'] - row['low']) / row['median']:4.0f} % spread"
              f"   {row['ratio']:5.2f} ({row['ratio_low']:.2f} to {row['ratio_high']:.2f}) of {next(iter(rows))}{latency}", flush=True)


LIMITS = {"receive": 0.9, "rr": 1.3}


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


def come_first():
    """Whatever else the machine does comes after us, where we may say so. Niceness alone counts only among what one terminal started."""
    try:
        os.nice(-15)
        os.setsid()
        pathlib.Path("/proc/self/autogroup").write_text("-15")
    except OSError:
        pass


def arguments():
    parser = argparse.ArgumentParser(prog="tools/bench --macro", description=__doc__.split("\n")[0])
    words = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    parser.add_argument("--only", type=words, default=list(WORKS), help=", ".join(WORKS))
    parser.add_argument("--peers", type=words, help=", ".join(PEERS))
    parser.add_argument("--runs", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--cpus", type=int, default=1, choices=(1, 2))
    options = parser.parse_args()
    options.runs = options.runs or (5 if options.quick else 7)
    options.seconds = options.seconds or (0.4 if options.quick else 1.0)
    for given, known in ((options.only, WORKS), (options.peers or [], PEERS)):
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
    come_first()
    bench = Bench(options)
    wanted = dict.fromkeys(p for name in options.only for p in options.peers or WORKS[name].peers)
    for line in filter(None, map(why_left_out, wanted)):
        print(f"left out: {line}")
    print(f"{options.runs} runs of {options.seconds} s, in turns, on {'one CPU' if options.cpus == 1 else 'two CPUs'}")
    all_rows = {}
    for name in options.only:
        all_rows[name] = summary(bench.measure(name))
        show(name, all_rows[name])
    if line := validity(all_rows):
        print(f"\n{line}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    out = RESULTS / f"rates-{options.cpus}.json"
    out.write_text(json.dumps({"works": all_rows, "runs": options.runs, "seconds": options.seconds, "cpus": options.cpus}, indent=1))


try:
    main()
except netns.Failure as why:
    sys.exit(f"tools/bench: {why}")
