"""Runs one sequence on one side, in a process of its own, and writes its transcript: a line of JSON for each call.

    {"at": line in its file, "text": the call, "said": what came}

The last is {"end": true}; what has not ended was hanging, or not there yet ({"missing": call})."""

import ctypes
import json
import os
import queue
import re
import signal
import sys
import threading
import time

import calls  # noqa: F401 - fills the table
import helpers  # noqa: F401
import values
from backend import NotThere
from call_table import CALLS, buffer
from notation import Mistake

PATIENCE = 5  # seconds for what another thread should do


class Thread:
    """One of the sequence's threads, which makes calls in order; what they gave is kept until join."""

    def __init__(self, run, name):
        self.run, self.name = run, name
        self.work, self.results = queue.Queue(), []
        self.pending, self.calling = 0, False
        self.idle = threading.Event()
        self.lock = threading.Lock()
        thread = threading.Thread(target=self.loop, daemon=True)
        thread.start()
        self.ident, self.native = thread.ident, thread.native_id

    def give(self, line):
        with self.lock:
            self.pending += 1
            self.idle.clear()
        self.work.put(line)

    def loop(self):
        while True:
            line = self.work.get()
            self.calling = True
            said = self.run.make(line)
            self.calling = False
            self.results.append((line, said))
            with self.lock:
                self.pending -= 1
                if not self.pending:
                    self.idle.set()

    def is_asleep(self):
        """In a system call, as far as the kernel says, and not ours to wait for the interpreter."""
        with open(f"/proc/self/task/{self.native}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] == "S"

    def blocked(self):
        seen = 0
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.idle.wait(0.004):
                return "does not block"
            seen = seen + 1 if self.calling and self.is_asleep() else 0
            if seen == 5:
                return "blocks"
        return "neither"


class Run:
    def __init__(self, sequence, family, backend, port_base, out):
        self.sequence, self.family, self.backend, self.out = sequence, family, backend, out
        self.ports = values.Ports(port_base)
        self.fds, self.threads, self.names = {}, {}, []
        self.signals, wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        for n in (signal.SIGPIPE, signal.SIGUSR1, signal.SIGUSR2, signal.SIGIO, signal.SIGURG, signal.SIGALRM):
            signal.signal(n, lambda *_: None)
        for n in (*range(1, 9), signal.SIGPIPE, *range(12, 17), signal.SIGUSR1, signal.SIGIO, signal.SIGURG):
            if callable(signal.getsignal(n)):
                signal.siginterrupt(n, False)  # until the sequence says otherwise

    # -- names --

    def fd(self, word):
        if word in self.fds:
            return self.fds[word]
        if re.fullmatch(r"-?\d+", word):
            return int(word)
        raise Mistake(f"nothing is called {word}")

    def name_of(self, name):
        b, length = buffer(size=128), ctypes.c_int(128)
        if self.backend.call("getsockname", self.fd(name), b, ctypes.byref(length))[0] != 0:
            raise Mistake(f"{name} has no name")
        return self.routable(b.raw[:length.value])

    def routable(self, octets):
        return octets

    def port_of(self, name):
        return values.unpack_address(self.name_of(name))[1]

    def hide_port(self, octets):
        return f"family {int.from_bytes(octets[:2], 'little')}, {len(octets)} octets" if len(octets) >= 2 else octets.hex()

    def number_of_name(self, name):
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)

    def name_of_number(self, n):
        return self.names[n] if n < len(self.names) else f"data {n}"

    # -- making calls --

    def make(self, line):
        """What a call said; a thread waits for another in here alone."""
        try:
            begun = time.monotonic()
            words = line.arguments
            timed = line.call == "timed"
            name = words[0] if timed else line.call
            function = CALLS.get(name)
            if function is None:
                raise Mistake(f"what call is {name}?")
            result, said = function(self, words[1:] if timed else words)
            if timed:
                said += ", waited" if time.monotonic() - begun > 0.09 else ", at once"
            if line.name:
                self.fds[line.name] = result
            return said + self.signals_since()
        except NotThere as missing:
            return missing
        except (Mistake, KeyError, ValueError, IndexError, AttributeError, TypeError) as mistake:
            return Mistake(f"{self.sequence.topic}.txt:{line.number} {line.text}: {mistake!r}")

    def signals_since(self):
        said = ""
        try:
            for n in os.read(self.signals, 100):
                if n in (signal.SIGPIPE, signal.SIGIO, signal.SIGURG):
                    said += " " + signal.Signals(n).name
        except BlockingIOError:
            pass
        return said

    def tell(self, line, said):
        if isinstance(said, NotThere):
            self.write({"missing": str(said)})
            os._exit(0)
        if isinstance(said, Mistake):
            self.write({"mistake": str(said)})
            os._exit(0)
        self.write({"at": line.number, "text": line.text, "said": said})

    def write(self, what):
        os.write(self.out, (json.dumps(what) + "\n").encode())

    def perform(self):
        for line in self.sequence.lines:
            if line.thread:
                if line.thread not in self.threads:
                    self.threads[line.thread] = Thread(self, line.thread)
                self.threads[line.thread].give(line)
            elif line.call == "join":
                names = [w for w in line.arguments if w in self.threads]
                limit = next((int(w) / 1000 for w in line.arguments if w.isdigit()), PATIENCE)  # `join t1 300`: it may not end
                for name in names:
                    thread = self.threads[name]
                    done = thread.idle.wait(limit)
                    for its_line, said in thread.results:
                        self.tell(its_line, said)
                    thread.results.clear()
                    self.tell(line, "done" if done else "still blocked")
            elif line.call == "blocked":
                self.tell(line, self.threads[line.arguments[0]].blocked())
            else:
                self.tell(line, self.make(line))
        self.write({"end": True})


def perform(sequence, family, backend, port_base, out):
    """In the child: never returns."""
    try:
        Run(sequence, family, backend, port_base, out).perform()
    except BaseException as error:  # whatever it is, it is to be seen
        os.write(out, (json.dumps({"mistake": f"{sequence.topic}: {sequence.name}: {error!r}"}) + "\n").encode())
    finally:
        sys.stdout.flush()
        os._exit(0)
