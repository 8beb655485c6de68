#!/usr/bin/env python3
"""Writes the measured part of docs/performance.md, and its pictures, from what tools/bench --macro left in build/bench/macro.

    tools/bench --report

What stands outside the markers in the page is left as it is. A part that was not measured is said to be so."""

import datetime
import json
import os
import pathlib
import statistics
import sys

import pictures

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = pathlib.Path(os.environ.get("TUNIC_BENCH_BUILD", ROOT / "build/bench")) / "macro"
PAGE = ROOT / "docs/performance.md"
BEGIN, END = "<!-- measured: tools/bench --report writes from here", "<!-- measured: to here -->"
WORKS = {
    "receive": "bulk to the stack",
    "send": "bulk from the stack",
    "rr": "request and answer, an octet each way",
    "rr8": "request and answer, 8 clients and 8 threads",
    "crr": "connect, an octet each way, close",
    "crr16": "connect, an octet each way, close, 16 clients",
    "raw-receive": "bulk to the stack, no virtio_net_hdr",
    "raw-send": "bulk from the stack, no virtio_net_hdr",
}
NEAR = 0.03  # what two runs of the same differ by


def is_other(peer):
    """Another stack: not ours, and not the bound, which is none."""
    return peer.startswith(("kernel", "lwip", "gvisor"))


def is_ours(peer):
    return peer.startswith("tunic")


def load(part):
    path = RESULTS / f"{part}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def ratio(rows, peer, to):
    """Of two peers of one work, in the same turn."""
    if not rows or peer not in rows or to not in rows:
        return None
    return statistics.median(a / b for a, b in zip(rows[peer]["rates"], rows[to]["rates"]))


def rate(row):
    return f"{row['median']:.1f} Gbit/s" if row["unit"] == "Gbit/s" else f"{row['median']:,.0f} /s".replace(",", " ")


# ---- goals ----

def goals(parts):
    """(what, the goal in words, measured or None, whether it is reached)"""
    def of(work, peer, to, least, what):
        found = next((r for p in peer if (r := ratio(parts[work], p, to)) is not None), None)
        name = {"bound": "the bound", "bound-copy": "the bound with one more copy", "kernel": "the kernel over veth"}.get(to, to)
        return what, f"≥ {least:.2f} × {name}", found, found is not None and found >= least

    rows = [
        of("receive", without_copy(parts["receive"], "receive"), "bound", 0.90, "receive bulk, lending call"),
        of("receive", ["tunic"], "bound", 0.90, "receive bulk, `tunic_recv` of 256 KiB"),
        of("receive", ["tunic"], "bound-copy", 0.90, "receive bulk, `tunic_recv`, at least"),
        of("send", without_copy(parts["send"], "send"), "bound", 0.90, "send bulk, by reference"),
        of("send", ["tunic"], "bound", 0.90, "send bulk, `tunic_send` of 256 KiB"),
        of("send", ["tunic"], "bound-copy", 0.90, "send bulk, `tunic_send`, at least"),
        of("rr", ["tunic"], "bound", 0.95, "request and answer, blocking calls"),
        of("rr", ["tunic"], "bound", 0.90, "request and answer, at least"),
        of("rr", ["tunic"], "kernel", 1.30, "request and answer, beside the kernel"),
        of("crr", ["tunic"], "bound", 0.90, "connect, request, answer, close"),
        of("crr16", ["tunic"], "bound", 0.90, "connect, request, answer, close, 16 clients"),
        of("crr", ["tunic"], "kernel", 1.50, "connect, request, answer, close, beside the kernel"),
        of("rr", ["tunic-poll"], "tunic", 0.85, "request and answer through poll, beside blocking calls"),
        of("rr", ["tunic-epoll"], "tunic", 0.85, "request and answer through epoll, beside blocking calls"),
        eight_threads(parts),
        of("raw-receive", ["tunic"], "bound", 0.90, "receive bulk, no virtio_net_hdr, beside the bound without it"),
        of("raw-send", ["tunic"], "bound", 0.90, "send bulk, no virtio_net_hdr"),
    ]
    for work in ("receive", "send"):
        found = ratio(parts["queues"].get(work, {}), "tunic-2q", "tunic")
        rows.append((f"{work} bulk, two flows on two CPUs, two queues", "≥ 1.50 × one queue", found, found is not None and found >= 1.5))
    return rows + idle_goals(parts["idle"])


LENT = {"receive": ("lend",), "send": ("zerocopy", "lend")}  # how peers are called that receive or send without a copy


def without_copy(rows, work):
    """The best of ours that receives or sends so."""
    peers = [p for p in rows if is_ours(p) and any(word in p for word in LENT[work])]
    return sorted(peers, key=lambda p: -rows[p]["median"])


def eight_threads(parts):
    eight, one = parts["rr8"].get("tunic"), parts["rr"].get("tunic")
    found = eight["median"] / one["median"] if eight and one else None
    return "request and answer, 8 threads and clients", "≥ 0.85 × one client", found, found is not None and found >= 0.85


def idle_goals(idle):
    rows = []
    memory = idle.get("memory", {}).get("tunic-epoll") or idle.get("memory", {}).get("tunic")
    for key, what in (("idle", "memory of an idle connection"), ("after_an_octet", "memory of an idle connection after an octet each way")):
        found = memory[key] if memory else None
        rows.append((what, "≤ 1024 octets", found, found is not None and found <= 1024))
    growth = idle.get("growth", {}).get("tunic-epoll", {})
    found, counts = None, list(growth)
    if len(counts) == 2:
        found = 1 / ratio(growth, counts[1], counts[0])
    rows.append((f"time of a request beside {counts[-1] if counts else '15 000 idle'} connections", "≤ 1.10 × beside 10",
                 found, found is not None and found <= 1.10))
    for name, row in idle.get("wake_ups", {}).items():
        rows.append((f"wake-ups of {name} in {row['seconds']} s, {row['connections']} idle connections", "0",
                     row["wake_ups"], row["wake_ups"] == 0))
    return rows


def goal_table(rows):
    yield "| work | goal | measured | |"
    yield "|---|---|---|---|"
    for what, goal, found, reached in rows:
        said = "" if found is None else f"{found:.0f}" if float(found).is_integer() or found >= 100 else f"{found:.2f}"
        yield f"| {what} | {goal} | {said} | {'not measured' if found is None else 'reached' if reached else '**missed**'} |"


# ---- tables of all stacks ----

def work_table(rows):
    first = next(iter(rows))
    slow = any("p99_us" in row for row in rows.values())
    yield f"| stack | median | lowest to highest | ratio to {first} |" + (" half within | 99 % within |" if slow else "")
    yield "|---|---|---|---|" + ("---|---|" if slow else "")
    for peer, row in rows.items():
        spread = f"{row['low']:.1f} to {row['high']:.1f}" if row["unit"] == "Gbit/s" else f"{row['low']:.0f} to {row['high']:.0f}"
        latency = f" {row['p50_us']:.1f} us | {row['p99_us']:.1f} us |" if slow else ""
        yield f"| {peer} | {rate(row)} | {spread} | {row['ratio']:.2f} |{latency}"


def idle_lines(idle):
    if memory := idle.get("memory"):
        yield ""
        yield "Memory of one connection more, octets of the program's own:"
        yield ""
        yield "| stack | idle | idle again after an octet each way |"
        yield "|---|---|---|"
        for peer, row in memory.items():
            yield f"| {peer} | {row['idle']:.0f} | {row['after_an_octet']:.0f} |"
    if (descriptor := idle.get("descriptor")) is not None:
        yield ""
        yield f"The kernel's own octets for the descriptor that each socket of ours has: {descriptor:.0f}."


# ---- where we lose ----

def ahead(where, rows):
    """Who is ahead of the best of ours, in three turns of four and by more than two runs of the same differ: one line."""
    ours = max((p for p in rows if is_ours(p)), key=lambda p: rows[p]["median"], default=None)
    if ours is None:
        return
    by = {}
    for peer in filter(is_other, rows):
        turns = [a / b for a, b in zip(rows[peer]["rates"], rows[ours]["rates"])]
        if statistics.median(turns) > 1 + NEAR and sum(t > 1 for t in turns) >= 0.75 * len(turns):
            by[peer] = statistics.median(turns)
    if by:
        yield f"- {where}: " + ", ".join(f"{p} is {r:.2f} × {ours}" for p, r in sorted(by.items(), key=lambda i: -i[1]))


def some(count, word):
    return f"{count} {word}" + ("" if int(count) == 1 else "s")


def losses(parts, reached):
    for work, tells in WORKS.items():
        yield from ahead(tells, parts[work])
    for work, rows in parts["two-cpus"].items():
        yield from ahead(f"{WORKS.get(work, work)}, a CPU for each side", rows)
    for work, rows in parts["queues"].items():
        yield from ahead(f"{WORKS.get(work, work)}, two flows on two CPUs", rows)
    for work, curve in parts["sizes"].items():
        for size, rows in curve.items():
            yield from ahead(f"{WORKS[work].replace(', an octet each way', '')}, messages of {some(size, 'octet')}", rows)
    for count, rows in parts["connections"].items():
        yield from ahead(f"request and answer, {some(count, 'connection')}", rows)
    missed = [what for what, _, found, good in reached if found is not None and not good]
    if missed:
        yield f"- goals missed, {len(missed)} of {sum(found is not None for _, _, found, _ in reached)} measured: " + "; ".join(missed)


# ---- the page ----

def validity(parts):
    """A slow bound proves nothing."""
    for work, least in (("receive", 0.9), ("rr", 1.3)):
        if (found := ratio(parts[work], "bound", "kernel")) is not None:
            yield (f"The bound was {found:.2f} × the kernel's veth in {work}, where at least {least} makes the run valid: "
                   f"it is {'valid' if found >= least else '**not valid**'}.")


def measured(parts, drawn):
    machine = parts["machine"]
    reached = goals(parts)
    yield ""
    yield (f"Commit {machine.get('commit') or 'unknown'}, {datetime.date.today().isoformat()}, `tools/bench --macro`: "
           f"{machine.get('runs', '?')} runs of {machine.get('seconds', '?')} s of each stack, in turns, both sides on one CPU. "
           f"{machine.get('processor', '')}, Linux {machine.get('kernel', '')}.")
    yield from validity(parts)
    yield ""
    yield "### Goals"
    yield ""
    yield from goal_table(reached)
    yield ""
    yield "### Where we lose"
    yield ""
    lost = list(losses(parts, reached))
    yield from lost or ["Nowhere in what was measured: no other stack is more than 3 % ahead, and no goal is missed."]
    for name, title in drawn:
        yield ""
        yield f"![{title}](pictures/{name})"
    for work, tells in WORKS.items():
        if parts[work]:
            yield ""
            yield f"### {tells[0].upper()}{tells[1:]}"
            yield ""
            yield from work_table(parts[work])
    for work, rows in parts["two-cpus"].items():
        yield ""
        yield f"### A CPU for each side: {WORKS.get(work, work)}"
        yield ""
        yield from work_table(rows)
    for work, rows in parts["queues"].items():
        yield ""
        yield f"### Two flows on two CPUs: {WORKS.get(work, work)}"
        yield ""
        yield from work_table(rows)
    if parts["idle"]:
        yield ""
        yield "### Idle connections"
        yield from idle_lines(parts["idle"])
    yield ""


def main():
    parts = {name: load(name) for name in (*WORKS, "two-cpus", "queues", "sizes", "connections", "idle", "machine")}
    if not any(parts[work] for work in WORKS):
        sys.exit("tools/bench: nothing was measured yet: first tools/bench --macro")
    page = PAGE.read_text()
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"tools/bench: {PAGE.relative_to(ROOT)} has no markers '{BEGIN}' and '{END}'")
    try:
        drawn = pictures.draw(parts, ROOT / "docs/pictures")
    except ImportError:
        print("no pictures: the package python3-matplotlib is not installed: tools/setup bench", file=sys.stderr)
        drawn = []
    PAGE.write_text(f"{before}{BEGIN} -->\n" + "\n".join(measured(parts, drawn)) + f"\n{END}{after}")


if __name__ == "__main__":
    main()
