#!/usr/bin/env python3
"""Datagrams of every size class between the kernel and our stack, both ways: whole packets, packets of exactly the MTU, and
fragments, which come in order, in every other order, mixed with those of other datagrams, twice, and through a bad network."""

import itertools
import os
import pathlib
import socket
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from kernel_side import FAMILIES, SECONDS, counter, run_test, wanted  # noqa: E402
from results import Report  # noqa: E402

ECHO, MTU, UDP_HEADER, PORT = 5003, 1500, 8, 5999
SERVICES = netns.BUILD / "bin/services"


def largest(address):
    return 65527 if ":" in address else 65507


def sizes(address):
    """Those at which something changes: none, one, the blocks of the pool, and one, two ... fragments."""
    whole = MTU - (40 if ":" in address else 20) - UDP_HEADER
    piece = MTU - (48 if ":" in address else 20) & ~7
    edges = [0, 1, 2, 255, 256, 2048 - 28, 2048, 16384 - 28, 16384, 32768, whole, largest(address)]
    edges += [n * piece - UDP_HEADER for n in (1, 2, 3, 16, 32, 44)]
    return sorted({n + more for n in edges for more in (-1, 0, 1) if 0 <= n + more <= largest(address)})


def udp_socket(address, port=0):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(SECONDS)
    s.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)   # SO_RCVBUFFORCE
    s.bind(("::" if ":" in address else "0.0.0.0", port))
    return s


def every_size_both_ways(_, ours):
    wrong = []
    with udp_socket(ours) as s:
        s.connect((ours, ECHO))
        for size in sizes(ours):
            sent = os.urandom(size)
            s.send(sent)
            wrong.append(wanted(f"the echo of {size} octets", s.recv(70000) == sent, True))
    return wrong


def many_at_once(_, ours):
    """40 datagrams of 3 to 5 fragments are under way at a time; none is lost, and each is whole."""
    sent = [bytes([n]) * (4000 + 37 * n) for n in range(40)]
    with udp_socket(ours) as s:
        s.connect((ours, ECHO))
        for text in sent:
            s.send(text)
        return wanted("what came back", sorted(s.recv(70000) for _ in sent) == sorted(sent), True)


def too_long(_, ours):
    """What no packet can hold is refused by the kernel too: the sizes above are the whole range."""
    with udp_socket(ours) as s:
        try:
            return f"{s.sendto(bytes(largest(ours) + 1), (ours, ECHO))} octets were sent"
        except OSError:
            return ""


# ---- fragments made by hand, sent by the kernel as they are ----

def fold(octets):
    octets += bytes(len(octets) % 2)
    number = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while number >> 16:
        number = (number & 0xFFFF) + (number >> 16)
    return number ^ 0xFFFF


def datagram(source, destination, text):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    ends = socket.inet_pton(family, source) + socket.inet_pton(family, destination)
    head = struct.pack(">HHH", PORT, ECHO, UDP_HEADER + len(text))
    length = struct.pack(">I", UDP_HEADER + len(text)) if family == socket.AF_INET6 else struct.pack(">H", UDP_HEADER + len(text))
    return head + struct.pack(">H", fold(ends + length + struct.pack(">H", 17) + head + b"\0\0" + text) or 0xFFFF) + text


def fragments(source, destination, text, identifier, piece):
    """The packets of one datagram: `piece`, a multiple of 8, octets in each but the last."""
    whole = datagram(source, destination, text)
    packets = []
    for offset in range(0, len(whole), piece):
        part, more = whole[offset:offset + piece], offset + piece < len(whole)
        if ":" in source:
            header = struct.pack(">IHBB", 6 << 28, 8 + len(part), 44, 64)
            header += socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, destination)
            packets.append(header + struct.pack(">BBHI", 17, 0, offset | more, identifier) + part)
        else:
            header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(part), identifier, offset // 8 | more << 13, 64, 17, 0)
            packets.append(header + socket.inet_aton(source) + socket.inet_aton(destination) + part)
    return packets


def sender(destination):
    """A function that has the kernel send a packet that is already made; it fills in IPv4's checksum alone."""
    if ":" in destination:
        s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
        s.setsockopt(socket.IPPROTO_IPV6, 36, 1)   # IPV6_HDRINCL
    else:
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    return lambda packet: s.sendto(packet, (destination, 0))


def answered(s, text):
    return wanted("the echo", s.recv(70000) == text, True)


def fragments_in_any_order(theirs, ours):
    """All 24 orders of 4 fragments."""
    send, wrong = sender(ours), []
    with udp_socket(ours, PORT) as s:
        for number, order in enumerate(itertools.permutations(range(4))):
            text = os.urandom(100)
            packets = fragments(theirs, ours, text, 1000 + number, 32)
            for i in order:
                send(packets[i])
            wrong.append(answered(s, text) and f"order {order}")
    return wrong


def fragments_of_several_datagrams(theirs, ours):
    """Ten datagrams of ten fragments: first all the last ones, then all the ones before those, and so on."""
    send = sender(ours)
    texts = [os.urandom(300) for _ in range(10)]
    packets = [fragments(theirs, ours, text, 2000 + n, 32) for n, text in enumerate(texts)]
    with udp_socket(ours, PORT) as s:
        for i in reversed(range(10)):
            for one in packets:
                send(one[i])
        return wanted("all of them", sorted(s.recv(70000) for _ in texts) == sorted(texts), True)


def fragments_that_come_twice(theirs, ours):
    """The same fragment again changes nothing; after the last one it begins nothing that would be answered."""
    send, text = sender(ours), os.urandom(100)
    packets = fragments(theirs, ours, text, 3000, 32)
    with udp_socket(ours, PORT) as s:
        for packet in (packets[0], packets[0], packets[2], packets[1], packets[2], packets[3]):
            send(packet)
        return answered(s, text)


def fragments_that_overlap(theirs, ours):
    """... are not answered at all (RFC 5722, and the same for IPv4); the next datagram is."""
    send, text = sender(ours), os.urandom(100)
    packets = fragments(theirs, ours, text, 4000, 32)
    forged = fragments(theirs, ours, bytes(100), 4000, 32)
    with udp_socket(ours, PORT) as s:
        for packet in (packets[0], packets[1], forged[1], packets[2], packets[3]):
            send(packet)
        after = os.urandom(50)
        for packet in fragments(theirs, ours, after, 4001, 32):
            send(packet)
        return answered(s, after)


def a_bad_network(theirs, ours):
    """40 % of the kernel's fragments are held back behind others: all datagrams come together all the same."""
    before = counter("Ip", "FragCreates") if ":" not in ours else counter_v6("Ip6FragCreates")
    wrong = []
    with udp_socket(ours) as s:
        s.connect((ours, ECHO))
        for size in (3000, 8000, 20000, 65000) * 5:
            text = os.urandom(size)
            s.send(text)
            wrong.append(answered(s, text))
    after = counter("Ip", "FragCreates") if ":" not in ours else counter_v6("Ip6FragCreates")
    return wrong + [wanted("fragments were made", after - before > 300, True)]


def counter_v6(name):
    lines = (line.split() for line in pathlib.Path("/proc/net/snmp6").read_text().splitlines())
    return next(int(value) for key, value in lines if key == name)


def main():
    name = "UDP"
    netns.isolate_test(name)
    netns.make_tun()
    report = Report()
    services = netns.Program([SERVICES, "--echo", ECHO], ready="services listening")
    tests = [every_size_both_ways, many_at_once, too_long, fragments_in_any_order, fragments_of_several_datagrams,
             fragments_that_come_twice, fragments_that_overlap]
    for family, theirs, ours in FAMILIES:
        for test in tests:
            run_test(report, f"{name}: {test.__name__.replace('_', ' ')}, {family}", test, theirs, ours)
    services.stop()
    services = netns.Program([SERVICES, "--echo", ECHO], ready="services listening", env={"TUNIC_IMPAIR": "in_reorder=40%,seed=3"})
    for family, theirs, ours in FAMILIES:
        run_test(report, f"{name}: a bad network, {family}", a_bad_network, theirs, ours)
    services.stop()
    sys.exit(report.finish())


main()
