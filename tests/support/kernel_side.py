"""What tests of our stack against the kernel share: data in files, the kernel's sockets, and how a test is run and reported.

A test is a function that returns what is wrong (a text or a list of texts, empty if nothing is), or raises Failure or
OSError."""

import hashlib
import os
import pathlib
import re
import socket
import struct
from concurrent.futures import ThreadPoolExecutor

import netns
from netns import Failure

FAMILIES = (("IPv4", netns.KERNEL_V4, netns.STACK_V4), ("IPv6", netns.KERNEL_V6, netns.STACK_V6))
MIB = 1 << 20
SECONDS = 20

_names = iter(range(1 << 30))


def new_path():
    return netns.FOLDER / f"file{next(_names)}"


def make_file(size):
    path = new_path()
    path.write_bytes(os.urandom(size))
    return path


def wanted(what, is_, should):
    return "" if is_ == should else f"{what} is {is_!r}, not {should!r}"


def same(what, got, sent):
    """Both are paths or octets; a difference is told by its place."""
    got, sent = (x.read_bytes() if isinstance(x, pathlib.Path) else bytes(x) for x in (got, sent))
    if hashlib.sha256(got).digest() == hashlib.sha256(sent).digest():
        return ""
    if len(got) != len(sent):
        return f"{what}: {len(got)} octets instead of {len(sent)}"
    return f"{what}: differs from octet {next(i for i, (g, s) in enumerate(zip(got, sent)) if g != s)} on"


# ---- the kernel's sockets ----

def connect(address, port, seconds=SECONDS):
    return socket.create_connection((address, port), timeout=seconds)


def listen(address, backlog=1024):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, 0), family=family, backlog=backlog)
    listener.settimeout(SECONDS)
    return listener


def accept(listener, seconds=SECONDS):
    s, _ = listener.accept()
    s.settimeout(seconds)
    return s


def receive(s, size=1 << 40):
    """Until the end of the stream, or `size` octets."""
    got = bytearray()
    while len(got) < size and (block := s.recv(min(size - len(got), MIB))):
        got += block
    return bytes(got)


def linger_zero(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def in_background(function, *arguments):
    """A future of what `function` gives, made in a thread of its own."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(function, *arguments)
    pool.shutdown(wait=False)
    return future


def counter(protocol, name):
    """One of the kernel's counters of this namespace, such as ("TcpExt", "TCPToZeroWindowAdv")."""
    for table in ("/proc/net/netstat", "/proc/net/snmp"):
        lines = pathlib.Path(table).read_text().splitlines()
        for names, values in zip(lines[::2], lines[1::2]):
            if names.startswith(protocol + ":") and name in (known := names.split()):
                return int(values.split()[known.index(name)])
    raise Failure(f"the kernel does not count {protocol} {name}")


def probes_sent(port):
    """How many probes the kernel has sent to `port` since the window there was closed; None if it is not closed."""
    shown = netns.run(["ss", "-Htnoi", "dport", "=", f":{port}"])
    if "timer:(persist," not in shown:
        return None
    found = re.search(r"backoff:(\d+)", shown)
    return int(found[1]) if found else 0


# ---- running ----

def expect_error(kind, function, *arguments):
    """What is wrong if the call does not fail with `kind`, an OSError class."""
    try:
        given = function(*arguments)
    except kind:
        return ""
    except OSError as error:
        return f"{error!r} instead of {kind.__name__}"
    return f"{given!r} instead of {kind.__name__}"


def run_test(report, title, test, *arguments):
    try:
        wrong = test(*arguments)
        report.check(title, wrong if isinstance(wrong, str) else [w for w in wrong if w])
    except (Failure, OSError, EOFError, LookupError) as error:
        report.not_ok(title, str(error) if isinstance(error, Failure) else repr(error))


def run_all(report, name, tests, *more):
    """Each test over each family, as test(kernel's address, our address, *more)."""
    for family, kernel, ours in FAMILIES:
        for test in tests:
            run_test(report, f"{name}: {test.__name__.replace('_', ' ')}, {family}", test, kernel, ours, *more)
