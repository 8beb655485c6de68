"""Runs sequences on both sides, several at a time, and compares what came.

A run is a process of its own, on either side: it begins with a stack, and with a table of descriptors, that nobody has used."""

import json
import os
import select
import signal
import time

import performer

SECONDS = 9  # for one run; what takes longer hangs
AT_A_TIME = 6


class Transcript:
    def __init__(self):
        self.lines, self.ended, self.missing, self.mistake = [], False, "", ""

    def add(self, what):
        if "end" in what:
            self.ended = True
        elif "missing" in what:
            self.missing = what["missing"]
        elif "mistake" in what:
            self.mistake = what["mistake"]
        else:
            self.lines.append((what["at"], what["text"], what["said"]))


class Run:
    """One sequence, in one family, on both sides."""

    def __init__(self, sequence, family):
        self.sequence, self.family = sequence, family
        self.title = f"{sequence.topic}: {sequence.name}, {family}"
        self.linux, self.tunic = Transcript(), Transcript()
        self.open = 0

    def difference(self):
        """[(line, call, what Linux said, what Tunic said)]; None where a call is not there yet."""
        if self.linux.mistake or self.tunic.mistake:
            return [(0, "mistake", self.linux.mistake or "none", self.tunic.mistake or "none")]
        if self.linux.missing:
            return [(0, "mistake", f"the kernel's side has no {self.linux.missing}", "")]
        if self.tunic.missing:
            return None
        found = []
        a, b = list(self.linux.lines), list(self.tunic.lines)
        for t in (self.linux, self.tunic):
            if not t.ended:
                lines = a if t is self.linux else b
                lines.append((0, "then", "hangs or crashes"))
        for i in range(max(len(a), len(b))):
            at, call, left = a[i] if i < len(a) else (b[i][0], b[i][1], "nothing")
            right = b[i][2] if i < len(b) else "nothing"
            if left != right:
                found.append((at, call, left, right))
        return found


def start(run, backend, transcript, port_base, inherited):
    """Forks one side; gives (descriptor to read, pid, transcript, run, when it must have ended)."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        for fd in inherited:
            os.close(fd)
        null = os.open("/dev/null", os.O_RDWR)
        os.dup2(null, 0)
        performer.perform(run.sequence, run.family, backend, port_base, writer)
    os.close(writer)
    run.open += 1
    return {"fd": reader, "pid": pid, "transcript": transcript, "run": run, "until": time.monotonic() + SECONDS, "rest": b""}


def run_all(sequences, linux, tunic):
    """Yields each Run when both sides have ended, in the order in which they do."""
    waiting = [Run(s, family) for s in sequences for family in s.families]
    waiting.reverse()
    sides = {}
    base = 10_000
    while waiting or sides:
        while waiting and len(sides) < AT_A_TIME:
            run = waiting.pop()
            for backend, transcript in ((linux, run.linux), (tunic, run.tunic)):
                side = start(run, backend, transcript, base, list(sides))
                sides[side["fd"]] = side
            base = base + 12 if base < 32_000 else 10_000
        poller = select.poll()
        for fd in sides:
            poller.register(fd, select.POLLIN)
        ready = {fd for fd, _ in poller.poll(200)}
        now = time.monotonic()
        for fd in list(sides):
            side = sides[fd]
            if fd in ready:
                block = os.read(fd, 65536)
                *lines, side["rest"] = (side["rest"] + block).split(b"\n")
                for line in lines:
                    side["transcript"].add(json.loads(line))
                if block:
                    continue
            elif now < side["until"]:
                continue
            os.close(fd)
            os.kill(side["pid"], signal.SIGKILL)
            os.waitpid(side["pid"], 0)
            del sides[fd]
            side["run"].open -= 1
            if not side["run"].open:
                yield side["run"]
