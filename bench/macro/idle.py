"""What connections cost that do nothing: memory, time of those that do something, and wake-ups."""

import os
import pathlib
import re
import resource
import subprocess
import time

import netns
from measure import Server, summary
from places import sides


class Holder:
    """The load, with connections that are open and silent until the end of the `with`."""

    def __init__(self, server, count, cpus):
        self.process = subprocess.Popen([str(w) for w in server.load(cpus, "idle", "--clients", count)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self._answer()

    def touch(self):
        """An octet each way, on all of them."""
        self.process.stdin.write("touch\n")
        self.process.stdin.flush()
        self._answer()

    def _answer(self):
        if not self.process.stdout.readline():
            raise netns.Failure(f"the load ended with {self.process.wait()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def user_memory(pid):
    """Octets of a process's own memory, once it has stopped to change."""
    def now():
        return int(re.search(r"^Pss:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1]) * 1024
    before, since = now(), time.monotonic()
    while time.monotonic() - since < 0.3:
        if (after := now()) != before:
            before, since = after, time.monotonic()
    return before


def memory(peers, count):
    """Octets of user memory that one connection more takes: idle, and idle again after an octet each way. The first ones are
    not counted, so that what is there once for all is none of it."""
    out = {}
    for name in peers:
        cpus, _ = sides(1)
        with Server(name, cpus) as server, Holder(server, max(count // 10, 100), cpus) as first:
            first.touch()
            base = user_memory(server.pid)
            with Holder(server, count, cpus) as more:
                idle = user_memory(server.pid)
                more.touch()
                touched = user_memory(server.pid)
        out[name] = {"idle": (idle - base) / count, "after_an_octet": (touched - base) / count, "connections": count}
    return out


def kernel_memory_of_a_descriptor(processes=32):
    """Octets of the kernel's that one number more takes: each of our sockets has one, a duplicate of one open file. As many
    as may be are opened in several processes, and what the kernel has given away is read before and after."""
    many = resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 10 * 9
    begin, done, end = os.pipe(), os.pipe(), os.pipe()
    for _ in range(processes):
        if os.fork() == 0:
            resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
            os.close(end[1])
            os.read(begin[0], 1)
            for _ in range(many):
                os.dup(end[0])
            os.write(done[1], b"x")
            os.read(end[0], 1)
            os._exit(0)
    before = kernel_memory()
    os.write(begin[1], b"x" * processes)
    for _ in range(processes):
        os.read(done[0], 1)
    grown = kernel_memory() - before
    for fd in (*begin, *done, *end):
        os.close(fd)
    for _ in range(processes):
        os.wait()
    return grown / (processes * many)


def kernel_memory():
    text = pathlib.Path("/proc/meminfo").read_text()
    return sum(1024 * int(re.search(rf"^{name}:\s+(\d+)", text, re.M)[1]) for name in ("Slab", "VmallocUsed"))


def growth(bench, peers, few, many):
    """Request and answer beside few and beside many idle connections: peer -> few and many, compared in the same turn."""
    out = {}
    for name in peers:
        out[name] = summary(bench.in_turns({f"{n} idle": {"name": name, "load": ("rr", "--idle", n)} for n in (few, many)}))
    return out


def switches(pid):
    """How often threads of a process have gone to sleep."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        status = pathlib.Path(f"/proc/{pid}/task/{task}/status").read_text()
        total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.M)[1])
    return total


def wait_until_quiet(pid, seconds=5):
    """What the opening of connections has left to do is done: no thread has woken up for a second, or `seconds` have passed."""
    end, since, count = time.monotonic() + seconds, time.monotonic(), switches(pid)
    while time.monotonic() < end and time.monotonic() - since < 1:
        time.sleep(0.05)
        if (now := switches(pid)) != count:
            since, count = time.monotonic(), now
    return switches(pid)


def wake_ups(peers, count, seconds):
    """How often threads of the peer wake up while nothing happens on so many connections."""
    out = {}
    for name in peers:
        cpus, _ = sides(1)
        with Server(name, cpus) as server, Holder(server, count, cpus):
            before = wait_until_quiet(server.pid)
            time.sleep(seconds)
            out[name] = {"wake_ups": switches(server.pid) - before, "seconds": seconds, "connections": count}
    return out
