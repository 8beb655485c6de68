#!/usr/bin/env python3
"""services on our stack, used from the kernel's side over TCP and UDP: echo (RFC 862), discard (RFC 863), chargen (RFC 864)."""

import os
import pathlib
import socket
import struct
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from netns import Failure  # noqa: E402
from results import Report  # noqa: E402

ECHO, DISCARD, CHARGEN = 5003, 5001, 5002
FAMILIES = (("IPv4", netns.STACK_V4), ("IPv6", netns.STACK_V6))
SERVICES = netns.BUILD / "bin/services"


def wanted(what, is_, should):
    return "" if is_ == should else f"{what} is {is_!r}, not {should!r}"


def connect(address, port):
    return socket.create_connection((address, port), timeout=20)


def receive(s, size):
    got = bytearray()
    while len(got) < size and (block := s.recv(min(size - len(got), 1 << 20))):
        got += block
    return bytes(got)


def pattern(size):
    """RFC 864's, made another way than the program's: each line is a window that moves along the ring."""
    ring = bytes(range(32, 127)) * 2
    period = b"".join(ring[i:i + 72] + b"\r\n" for i in range(95))
    return (period * (size // len(period) + 1))[:size]


# ---- the tests: each returns what is wrong ----

def echo_gives_everything_back(address):
    """... and then, as the client has closed its direction, the end of the stream."""
    data = os.urandom(16 << 20)
    with connect(address, ECHO) as s:
        def send():
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=send)
        sender.start()
        got = receive(s, len(data))
        sender.join()
        return [wanted("the same octets", got == data, True), wanted("the end", s.recv(1), b"")]


def echo_many_clients(address):
    clients = [connect(address, ECHO) for _ in range(100)]
    for i, s in enumerate(clients):
        s.sendall(b"client %d" % i)
    answers = [receive(s, len(b"client %d" % i)) for i, s in enumerate(clients)]
    for s in clients:
        s.close()
    return wanted("right answers", sum(a == b"client %d" % i for i, a in enumerate(answers)), 100)


def discard_takes_and_says_nothing(address):
    with connect(address, DISCARD) as s:
        s.sendall(bytes(16 << 20))
        s.shutdown(socket.SHUT_WR)
        return wanted("its answer", s.recv(1), b"")


def chargen_follows_the_pattern(address):
    size = 4 << 20
    with connect(address, CHARGEN) as s:
        s.sendall(b"this is thrown away")
        first = receive(s, size // 2)
        s.shutdown(socket.SHUT_WR)   # the characters go on
        return wanted("the pattern", first + receive(s, size // 2) == pattern(size), True)


def stopped_readers_stop_nobody(address):
    """Clients that never read, of each service, while others are served."""
    stopped = [connect(address, CHARGEN) for _ in range(4)] + [connect(address, ECHO) for _ in range(4)]
    for s in stopped[4:]:
        s.setblocking(False)
        try:
            while True:
                s.send(bytes(1 << 16))
        except BlockingIOError:
            pass
    with connect(address, ECHO) as s:
        s.sendall(b"still there?")
        wrong = wanted("echo", receive(s, 12), b"still there?")
    for s in stopped:
        s.close()
    return wrong


def resets_harm_nobody(address):
    for port in (ECHO, DISCARD, CHARGEN) * 10:
        s = connect(address, port)
        s.sendall(b"x" * 1000)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    with connect(address, ECHO) as s:
        s.sendall(b"well?")
        return wanted("echo", receive(s, 5), b"well?")


# ---- over UDP ----

def datagrams(address, source_port=0):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(20)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    if source_port:
        s.bind(("::" if ":" in address else "0.0.0.0", source_port))
    return s


def echo_answers_each_datagram(address):
    """Of every size; the answer comes from the address that was asked: the socket is connected to it."""
    largest = 65527 if ":" in address else 65507
    wrong = []
    with datagrams(address) as s:
        s.connect((address, ECHO))
        for size in (0, 1, 7, 512, 1472, 1473, 9000, largest):
            sent = os.urandom(size)
            s.send(sent)
            wrong.append(wanted(f"{size} octets", s.recv(70000) == sent, True))
    return wrong


def chargen_answers_no_more_than_was_asked(address):
    with datagrams(address) as s:
        s.connect((address, CHARGEN))
        sizes = []
        for size in (0, 1, 100, 512, 1000):
            s.send(bytes(size))
            sizes.append(len(s.recv(70000)))
        return wanted("answers", sizes, [0, 1, 100, 512, 512])


def services_answer_no_service(address):
    """Nothing comes back to a port below 1024 (CVE-1999-0103): the next answer is the one to another question."""
    with datagrams(address, 7) as loop, datagrams(address) as s:
        loop.sendto(b"endless?", (address, ECHO))
        s.sendto(b"first", (address, ECHO))
        s.recv(100)
        loop.setblocking(False)
        try:
            return wanted("an answer to port 7", loop.recv(100), None)
        except BlockingIOError:
            return ""


def discard_answers_no_datagram(address):
    with datagrams(address) as s:
        s.sendto(b"nothing", (address, DISCARD))
        s.sendto(b"something", (address, ECHO))
        return wanted("what came", s.recv(100), b"something")


TESTS = [echo_answers_each_datagram, chargen_answers_no_more_than_was_asked, services_answer_no_service,
         discard_answers_no_datagram, echo_gives_everything_back, echo_many_clients, discard_takes_and_says_nothing, chargen_follows_the_pattern,
         stopped_readers_stop_nobody, resets_harm_nobody]


def main():
    name = "services"
    netns.isolate_test(name)
    netns.make_tun()
    report = Report()
    all_three = netns.Program([SERVICES, "--echo", ECHO, "--discard", DISCARD, "--chargen", CHARGEN], ready="services listening")
    report.check(f"{name}: says where they listen", wanted("line", all_three.lines[0], (
        f"services listening: echo on [::]:{ECHO}, discard on [::]:{DISCARD}, chargen on [::]:{CHARGEN}")))
    for family, address in FAMILIES:
        for test in TESTS:
            title = f"{name}: {test.__name__.replace('_', ' ')}, {family}"
            try:
                wrong = test(address)
                report.check(title, [w for w in wrong if w] if isinstance(wrong, list) else wrong)
            except (Failure, OSError) as error:
                report.not_ok(title, repr(error))
    report.check(f"{name}: SIGTERM ends it", wanted("status", all_three.stop(), 0))

    only = netns.Program([SERVICES, "--address", netns.STACK_V4, "--echo", ECHO], ready="services listening")
    refused = []
    for address, port in ((netns.STACK_V4, DISCARD), (netns.STACK_V6, ECHO)):
        try:
            connect(address, port).close()
        except ConnectionRefusedError:
            refused.append(port)
    report.check(f"{name}: only what was asked for, where it was asked for", wanted("refused", refused, [DISCARD, ECHO]))
    report.check(f"{name}: ends again", wanted("status", only.stop(), 0))
    sys.exit(report.finish())


main()
