"""What the notation has beside the calls of sockets: waiting for a condition, filling and draining, signals, other descriptors."""

import ctypes
import os
import select
import signal
import time

import values
from backend import pollfd
from call_table import CALLS, buffer, call, split
from readiness import events

@call
def settle(run, words):
    """settle s:in: waits until poll() says so, 5 s at most."""
    plain, keys = split(words)
    set_ = (pollfd * len(plain))()
    for i, word in enumerate(plain):
        s, _, wanted = word.partition(":")
        set_[i] = pollfd(run.fd(s), ctypes.c_int16(events(wanted)).value, 0)
        n, _ = run.backend.call("poll", ctypes.byref(set_[i]), 1, 5000)
        if n != 1:
            return -1, f"never: {word}"
    return 0, "settled"


@call
def until(run, words):
    """until CALL... -> text: repeats the call until its result shows as the text, 5 s at most."""
    at = words.index("->")
    wanted = " ".join(words[at + 1:])
    end = time.monotonic() + 5
    while True:
        n, text = CALLS[words[0]](run, words[1:at])
        if text == wanted:
            return n, text
        if time.monotonic() > end:
            return n, f"not within 5 s, but {text}"
        select.select([], [], [], 0.005)


@call
def fill(run, words):
    """Sends without waiting until it would block."""
    b = buffer(b"f" * 65536)
    sizes = [65536, 4096, 256, 16, 1] * 4
    for i, size in enumerate(sizes):
        n = 1
        while n > 0:
            n, code = run.backend.call("send", run.fd(words[0]), b, size, 0x40 | 0x4000)
        if code != 11 or i == len(sizes) - 1:
            return n, f"until {values.errno_name(code)}"
        if size == 1:  # what is on its way may make room
            select.select([], [], [], 0.003)


@call
def drain(run, words):
    """Reads until the end, or `again`: EAGAIN, or so many octets as a number says."""
    most = next((int(w) for w in words[1:] if w.isdigit()), None)
    b = buffer(size=65536)
    total = 0
    end = time.monotonic() + 5
    while time.monotonic() < end:
        n, code = run.backend.call("recv", run.fd(words[0]), b, 65536, 0x40)
        if n == 0:
            return 0, "until the end"
        if n > 0:
            total += n
            if most is not None and total >= most:
                return 0, f"{total} octets"
        elif code != 11:
            return n, f"until {values.errno_name(code)}"
        elif "again" in words:
            return n, "until EAGAIN"
        else:
            select.select([], [], [], 0.002)
    return -1, "no end"


@call
def some(run, words):
    """some CALL...: how many is not asked, where it is more than none."""
    n, text = CALLS[words[0]](run, words[1:])
    return n, "some" if n > 0 else text


@call
def transfer(run, words):
    """transfer a b 100000: sends a pattern from a to b, by turns, and compares."""
    size = int(words[2])
    octets = values.data(f"pattern:{size}")
    b, got, sent = buffer(size=65536), b"", 0
    end = time.monotonic() + 8
    while len(got) < size and time.monotonic() < end:
        if sent < size:
            piece = octets[sent:sent + 65536]
            n, code = run.backend.call("send", run.fd(words[0]), buffer(piece), len(piece), 0x4040)
            if n < 0 and code != 11:
                return n, f"sending: {values.errno_name(code)}"
            sent += max(n, 0)
        n, code = run.backend.call("recv", run.fd(words[1]), b, 65536, 0x40)
        if n < 0 and code != 11:
            return n, f"receiving: {values.errno_name(code)}"
        got += b.raw[:max(n, 0)]
    return 0, "all came, and as sent" if got == octets else f"{len(got)} of {size} octets, or others"


@call
def signal_(run, words):
    """signal t1 USR1: to that thread; the handler is there. `restart` first: calls go on after it."""
    n = getattr(signal, "SIG" + words[1])
    signal.pthread_kill(run.threads[words[0]].ident, n)
    return 0, "sent"


@call
def handler(run, words):
    """handler USR1 [restart]: one that does nothing."""
    n = getattr(signal, "SIG" + words[0])
    signal.siginterrupt(n, "restart" not in words)
    return 0, "there"


@call
def pipe(run, words):
    run.fds[words[0]], run.fds[words[1]] = os.pipe()
    return 0, "made"


@call
def eventfd(run, words):
    return os.eventfd(int(words[0]) if words else 0, os.EFD_NONBLOCK), "fd"


@call
def file(run, words):
    """f = file pattern:100"""
    fd = os.memfd_create("file")
    octets = values.data(words[0])
    while octets:
        octets = octets[os.write(fd, octets):]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd, "fd"


@call
def same(run, words):
    """Whether two names are the same number."""
    return 0, "same" if run.fd(words[0]) == run.fd(words[1]) else "different"


@call
def free_number(run, words):
    """n = free_number: one that nothing has."""
    fd = os.open("/dev/null", os.O_RDONLY)
    os.close(fd)
    return fd + 100, "fd"


@call
def each(run, words):
    """each s OPTION 0 1 2: sets each value and says what came, and what it is then."""
    said = []
    for value in words[2:]:
        _, set_ = CALLS["setsockopt"](run, [words[0], words[1], value])
        _, got = CALLS["getsockopt"](run, words[:2])
        said.append(f"{value}: {set_}, is {got}")
    return 0, "; ".join(said)
