#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets that are made by hand: tests/fuzz/seeds/TARGET/NAME, each with a name that says what it
is. What a fuzzer has found beside them stays as it is."""

import ipaddress
import itertools
import pathlib
import struct

SEEDS = pathlib.Path(__file__).resolve().parent / "seeds"
OURS = {4: "198.18.0.2", 6: "fd00:7::2"}
PEER = {4: "198.18.0.1", 6: "fd00:7::1"}


def save(target, name, octets):
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(octets)


def total(octets):
    octets += bytes(len(octets) % 2)
    number = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while number >> 16:
        number = (number & 0xFFFF) + (number >> 16)
    return number ^ 0xFFFF


def address(text):
    return ipaddress.ip_address(text).packed


# ---- IP ----

def ipv4(payload, protocol, source=PEER[4], destination=OURS[4], options=b"", ttl=64, fragment=0x4000, identifier=0, length=None,
         version=4):
    header = struct.pack(">BBHHHBBH", version << 4 | (20 + len(options)) // 4, 0,
                         20 + len(options) + len(payload) if length is None else length, identifier, fragment, ttl, protocol, 0)
    header += address(source) + address(destination)
    both = header + options
    return both[:10] + struct.pack(">H", total(both)) + both[12:] + payload


def ipv6(payload, protocol, source=PEER[6], destination=OURS[6], hops=64, length=None, version=6):
    return struct.pack(">IHBB", version << 28, len(payload) if length is None else length, protocol, hops) + address(
        source) + address(destination) + payload


def ip(family, payload, protocol, **more):
    return ipv4(payload, protocol, **more) if family == 4 else ipv6(payload, protocol, **more)


def with_sum(family, message, protocol, field):
    pseudo = b"" if protocol == 1 else address(PEER[family]) + address(OURS[family]) + struct.pack(">II", len(message), protocol)
    return message[:field] + struct.pack(">H", total(pseudo + message) or 0xFFFF) + message[field + 2:]


# ---- transports ----

def tcp(family, flags=0x10, options=b"", text=b"", offset=None, urgent=0, source=40000, destination=80, window=65535):
    options += bytes(-len(options) % 4)
    offset = (20 + len(options)) // 4 if offset is None else offset
    segment = struct.pack(">HHIIHHHH", source, destination, 1000, 2000, offset << 12 | flags, window, 0, urgent) + options + text
    return ip(family, with_sum(family, segment, 6, 16), 6)


def udp(family, text=b"", length=None, source=40000, destination=53):
    datagram = struct.pack(">HHHH", source, destination, 8 + len(text) if length is None else length, 0) + text
    return with_sum(family, datagram, 17, 6)


def icmp(family, kind, code=0, rest=b"\0\0\0\0", body=b""):
    message = struct.pack(">BBH", kind, code, 0) + rest + body
    return ip(family, with_sum(family, message, 1 if family == 4 else 58, 2), 1 if family == 4 else 58)


def packets():
    """(name, packet) of every kind that a host meets, right and wrong."""
    for family in (4, 6):
        v = f"v{family}"
        for name, flags in (("syn", 2), ("synack", 0x12), ("ack", 0x10), ("psh", 0x18), ("fin", 0x11), ("rst", 4), ("rstack", 0x14),
                            ("urg", 0x30), ("null", 0), ("xmas", 0x1FF), ("synfin", 3)):
            yield f"{v}-tcp-{name}", tcp(family, flags, text=b"text" if flags == 0x18 else b"", urgent=2 if flags == 0x30 else 0)
        stamps = b"\x08\x0a" + struct.pack(">II", 7, 9)
        for name, options in (("mss", b"\2\4\5\xb4"), ("linux", b"\2\4\5\xb4\4\2" + stamps + b"\1\3\3\7"), ("stamps", b"\1\1" + stamps),
                              ("sack1", b"\1\1\5\x0a" + bytes(8)), ("sack4", b"\5\x22" + bytes(range(32))),
                              ("sack-cut", b"\5\x22" + bytes(8)), ("wide-scale", b"\3\3\xff\0"), ("zero-length", b"\2\0\0\0"),
                              ("one-length", b"\1\1\2\1"), ("overrun", b"\1\1\2\xff"), ("fast-open", b"\x22\x0a" + bytes(8)),
                              ("md5", b"\x13\x12" + bytes(16)), ("unknown", b"\xfd\6abcd"), ("nops", b"\1" * 40),
                              ("end-first", b"\0\2\4\5\xb4"), ("mss-twice", b"\2\4\5\xb4\2\4\0\1"), ("mss-zero", b"\2\4\0\0"),
                              ("full", b"\2\4\5\xb4" + stamps + b"\3\3\7\4\2" + b"\1" * 19)):
            yield f"{v}-tcp-option-{name}", tcp(family, 2, options)
        for offset in (0, 4, 6, 15):
            yield f"{v}-tcp-offset-{offset}", tcp(family, offset=offset)
        yield f"{v}-tcp-port-zero", tcp(family, source=0)
        yield f"{v}-tcp-text-1460", tcp(family, 0x18, text=bytes(1460))
        for size in (0, 1, 512, 1472):
            yield f"{v}-udp-{size}", ip(family, udp(family, bytes(size)), 17)
        for length in (0, 7, 8, 9, 65535):
            yield f"{v}-udp-length-{length}", ip(family, udp(family, b"a", length=length), 17)
        yield f"{v}-udp-no-sum", ip(family, udp(family, b"abc")[:6] + b"\0\0abc", 17)
        quote = tcp(family)[:48] if family == 4 else tcp(family)
        turned = (ipv4(udp(4, b"abc"), 17, source=OURS[4], destination=PEER[4]) if family == 4 else
                  ipv6(udp(6, b"abc"), 17, source=OURS[6], destination=PEER[6]))
        errors = ((3, 0), (3, 1), (3, 2), (3, 3), (3, 4), (3, 13), (4, 0), (5, 1), (11, 0), (11, 1), (12, 0)) if family == 4 else (
            (1, 0), (1, 1), (1, 3), (1, 4), (2, 0), (3, 0), (3, 1), (4, 0), (4, 1), (4, 2), (100, 0))
        for kind, code in errors:
            yield f"{v}-icmp-{kind}-{code}", icmp(family, kind, code, struct.pack(">I", 1280), turned)
        yield f"{v}-icmp-quotes-tcp", icmp(family, 3 if family == 4 else 1, 3, body=quote)
        yield f"{v}-icmp-quotes-icmp", icmp(family, 3 if family == 4 else 1, 0, body=icmp(family, 3 if family == 4 else 1))
        for cut in (0, 7, 19, 20, 27, 39, 40, 47):
            yield f"{v}-icmp-quote-of-{cut}", icmp(family, 11 if family == 4 else 3, 0, body=turned[:cut])
        loopback = (ipv4(udp(4, b"abc"), 17, source="127.0.0.1", destination=PEER[4]) if family == 4 else
                    ipv6(udp(6, b"abc"), 17, source="::1", destination=PEER[6]))
        yield f"{v}-icmp-quotes-loopback", icmp(family, 3 if family == 4 else 1, 0, body=loopback)
        echo = (8, 0) if family == 4 else (128, 129)
        for kind in echo:
            yield f"{v}-echo-{kind}", icmp(family, kind, 0, struct.pack(">HH", 5, 6), bytes(range(56)))
        for kind in (9, 10, 13, 15, 17, 30) if family == 4 else (130, 133, 134, 135, 136, 137, 200):
            yield f"{v}-icmp-{kind}", icmp(family, kind, 0, body=bytes(16))
        for protocol in (0, 2, 4, 41, 43, 44, 47, 50, 51, 59, 60, 132, 255):
            yield f"{v}-protocol-{protocol}", ip(family, bytes(16), protocol)
        for size in (0, 1, 19, 20, 39, 40):
            yield f"{v}-cut-{size}", tcp(family)[:size]
        yield f"{v}-trailing", tcp(family) + b"trailing"
        yield f"{v}-wrong-version", ip(family, bytes(20), 6, version=5)
        yield f"{v}-length-0", ip(family, bytes(20), 6, length=0)
        yield f"{v}-length-65535", ip(family, bytes(20), 6, length=65535)
    for name, options in (("nops", b"\1" * 40), ("end", b"\0" * 4), ("loose-route", b"\x83\7\4\1\2\3\4\0"), ("strict-route", b"\x89\7\4\1\2\3\4\0"),
                          ("record-route", b"\7\7\4\0\0\0\0\0"), ("timestamp", b"\x44\x0c\5\0" + bytes(8)), ("router-alert", b"\x94\4\0\0"),
                          ("zero-length", b"\7\0\0\0"), ("overrun", b"\7\x28\4\0"), ("security", b"\x82\x0b" + bytes(10)), ("stream", b"\x88\4\0\1")):
        yield f"v4-option-{name}", ipv4(udp(4, b"abc"), 17, options=options)
    for source in ("0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "198.18.0.2", "198.18.0.255"):
        yield f"v4-from-{source}", ipv4(udp(4, b"abc"), 17, source=source)
    for source in ("::", "::1", "ff02::1", "::ffff:198.18.0.1", "fd00:7::2"):
        yield f"v6-from-{source.replace(':', '_')}", ipv6(udp(6, b"abc"), 17, source=source)
    for name, field in (("first", 0x2000), ("middle", 0x2001), ("last", 0x0002), ("far", 0x1FFF), ("df-offset", 0x4001)):
        yield f"v4-fragment-{name}", ipv4(bytes(16), 17, fragment=field, identifier=7)
    pad = b"\1\4\0\0\0\0"
    chains = {"hop": [(0, pad)], "destination": [(60, pad)], "hop-later": [(60, pad), (0, pad)], "nine": [(60, pad)] * 9,
              "routing-0": [(43, b"\0\1" + bytes(4))], "routing-0-done": [(43, b"\0\0" + bytes(4))], "routing-4": [(43, b"\4\1" + bytes(4))],
              "jumbo": [(0, b"\xc2\4\0\1\0\0")], "skip": [(60, b"\x1e\4abcd")], "drop": [(60, b"\x5e\4abcd")], "tell": [(60, b"\x9e\4abcd")],
              "tell-unless-many": [(60, b"\xde\4abcd")], "pad1s": [(60, bytes(6))], "option-overrun": [(60, b"\x1e\xff" + bytes(4))],
              "atomic": [(44, b"\0\0" + b"\0\0\0\7")], "fragment": [(44, b"\0\1" + b"\0\0\0\7")], "fragment-last": [(44, b"\0\x10" + b"\0\0\0\7")],
              "fragment-twice": [(44, b"\0\1\0\0\0\7"), (44, b"\0\1\0\0\0\7")], "none": [(59, pad)]}
    for name, chain in chains.items():
        payload, following = udp(6, b"abcdefgh"), 17
        for kind, body in reversed(chain):
            # Of a fragment header the second octet is reserved; the others say their length there.
            payload, following = bytes([following, 0]) + body + payload, kind
        yield f"v6-chain-{name}", ipv6(payload, following)


def tapes():
    """(name, octets) of rows of operations for the tables: the first octet says which table."""
    arm, cancel, turn = 0, 1, 2
    def wheel(*steps):
        return b"\0" + b"".join(bytes(s) for s in steps)
    for shift in (0, 8, 16, 20, 24, 30, 36, 41):
        yield f"wheel-arm-and-turn-{shift}", wheel(*[(i, arm, 0, i + 1, shift, 1) for i in range(32)], *[(0, turn, 0, 9, shift)] * 8)
    yield "wheel-past", wheel(*[(i, arm, 0, 0, 0, 0) for i in range(64)], (0, turn, 0, 1, 0))
    yield "wheel-rearm", wheel(*[(1, arm, 0, i, 20, 1) for i in range(60)], (0, turn, 255, 255, 41))
    yield "wheel-cancel", wheel(*itertools.chain.from_iterable(((i, arm, 1, 1, 20, 1), (i, cancel)) for i in range(64)))
    yield "wheel-storm", wheel(*[(i, arm, 0, 1, 30, 1) for i in range(64)], (0, turn, 0, 1, 31))
    def demux(*steps):
        return b"\1" + bytes(range(16)) + b"".join(bytes(s) for s in steps)
    def pair(i):
        return (i % 4, i >> 8, i & 255, i // 4 % 4, i % 8)
    for count in (1, 8, 64, 512):
        yield f"demux-insert-{count}", demux(*[(*pair(i), 0) for i in range(count)])
        yield f"demux-insert-erase-{count}", demux(*[(*pair(i), 0) for i in range(count)], *[(*pair(i), 2) for i in range(count)])
    yield "demux-twice", demux(*[(*pair(1), 0)] * 3, (*pair(1), 3), (*pair(1), 2), (*pair(1), 2))
    def pool(chunks, *steps):
        return b"\2" + bytes([chunks]) + b"".join(bytes(s) for s in steps)
    for kind in range(3):
        yield f"pool-fill-{kind}", pool(1, *[(0, kind)] * 300, *[(4, 0)] * 300)
    yield "pool-receive", pool(7, *[(0, 3, i, 0) for i in range(10)], *[(4, 0)] * 10)
    yield "pool-shared", pool(3, (0, 1), *[(2, 0)] * 20, *[(4, 0)] * 21)
    yield "pool-mixed", pool(5, *[(0, i % 3) for i in range(60)], *[(3, i, 0, 9) for i in range(60)], *[(4, 3 * i) for i in range(60)])


def fragments():
    """(name, octets) of rows of fragments: seven octets each, as tests/fuzz/reassembly.cc reads them, after two
    for the limits."""
    def part(begin, end, last=False, source=0, v6=False, to=0, tcp=False, extra=False, number=0, ecn=0, variant=0, later=0):
        """Octets `begin` to `end` of a datagram, after `later` seconds."""
        return bytes([source | v6 << 4 | to << 5 | tcp << 6 | extra << 7, number | last << 3 | ecn << 4 | variant << 6]) + struct.pack(
            ">HHB", begin // 8, end - begin, 128 + later if later else 0)
    def tape(*parts, blocks=63, pool=0):
        return bytes([blocks, pool]) + b"".join(parts)

    for v6 in (False, True):
        v = "v6" if v6 else "v4"
        p = lambda begin, end, last=False, **more: part(begin, end, last, v6=v6, **more)
        thirds = (p(0, 800), p(800, 1600), p(1600, 2005, True))
        for order in itertools.permutations(range(3)):
            yield f"{v}-order-{''.join(map(str, order))}", tape(*[thirds[i] for i in order])
        for name, more in (("repeats", p(800, 1600)), ("repeats-part", p(880, 960)), ("differs", p(800, 1600, variant=3)),
                           ("overlaps-before", p(792, 880)), ("overlaps-after", p(1592, 1800)), ("covers", p(0, 1992)),
                           ("beyond-the-end", p(2000, 2080)), ("another-end", p(1600, 1701, True)), ("end-within", p(8, 101, True))):
            yield f"{v}-{name}", tape(thirds[2], thirds[1], more, thirds[0])
            yield f"{v}-{name}-late", tape(thirds[0], more, thirds[1], thirds[2])
        yield f"{v}-ended-stays-so", tape(*thirds[:2], p(8, 80, variant=3), thirds[2], *thirds, p(0, 8, later=32), p(0, 8, later=32))
        yield f"{v}-times-out", tape(thirds[0], p(0, 8, number=1, later=28), thirds[1], p(0, 8, number=1, later=2), thirds[2], p(8, 16, later=32))
        yield f"{v}-times-out-first-missing", tape(thirds[1], p(8, 16, number=1, later=32), p(16, 24, number=1, later=32))
        yield f"{v}-largest", tape(*[p(i * 32000, (i + 1) * 32000) for i in (1, 0)], p(64000, 65400, True))
        yield f"{v}-whole-65535", tape(*[p(i * 1176, (i + 1) * 1176) for i in range(55)], p(64680, 65507, True))
        yield f"{v}-too-long", tape(p(65528, 65536), thirds[0], p(65528, 65600, True), thirds[1], thirds[2])
        yield f"{v}-too-long-with-options", tape(*[p(i * 1176, (i + 1) * 1176, extra=i == 0) for i in range(55)], p(64680, 65515, True))
        yield f"{v}-options", tape(*[p(i * 80, i * 80 + 80, i == 3, extra=i % 2 == 0) for i in (2, 0, 3, 1)])
        yield f"{v}-holes", tape(*[p(16 * i, 16 * i + 8) for i in range(80)], *[p(16 * i + 8, 16 * i + 16) for i in range(80)], p(1280, 1283, True))
        yield f"{v}-holes-descending", tape(*[p(16 * i, 16 * i + 8) for i in range(70, -1, -1)])
        yield f"{v}-not-by-eight", tape(p(0, 81), p(0, 80), p(80, 85), p(80, 85, True))
        yield f"{v}-empty", tape(p(8, 8), p(8, 8, True), p(0, 0))
        yield f"{v}-alone", tape(thirds[0], p(0, 100, True), *thirds[1:])
        yield f"{v}-tiny-first", tape(p(0, 8, tcp=True), p(0, 16, tcp=True), p(0, 24, tcp=True), p(24, 40, True, tcp=True), p(0, 8), p(8, 9, True))
        yield f"{v}-other-protocol", tape(thirds[0], p(800, 1600, tcp=True), *thirds[1:])
        yield f"{v}-other-host", tape(thirds[0], p(800, 1600, to=1), p(800, 1600, source=1), *thirds[1:])
        for a, b in ((0, 1), (1, 2), (2, 3), (1, 3), (3, 3)):
            yield f"{v}-ecn-{a}-{b}", tape(p(0, 80, ecn=a), p(80, 160, ecn=b), p(160, 161, True, ecn=a))
        yield f"{v}-source-full", tape(*[p(0, 80, number=i % 8, to=i // 8 % 2, source=i // 16) for i in range(16)],
                                       *[p(0, 80, number=i, source=0, tcp=True) for i in range(8)], p(80, 81, True))
        yield f"{v}-all-full", tape(*[p(0, 80, number=i % 8, to=i // 8 % 2, source=i // 16) for i in range(100)])
        yield f"{v}-one-block", tape(thirds[0], p(0, 8, number=1), *thirds[1:], thirds[0], blocks=0)
        yield f"{v}-small-pool", tape(*[p(0, 80, number=i % 8, source=i // 8) for i in range(40)], *thirds, pool=7)
    both = [part(0, 80, v6=i % 2 == 1, number=i // 2 % 8, source=i // 16) for i in range(90)]
    yield "both-full", tape(*both, part(80, 81, True), part(80, 81, True, v6=True))
    yield "both-of-other-patience", tape(part(0, 80, v6=True), part(0, 80, later=40), part(80, 88, source=1, later=25))
    yield "both-time-out", tape(*both[:20], part(80, 88, later=30), part(80, 88, v6=True, later=32))


def conversations():
    """(name, octets) of rows of calls on sockets: an octet says which call, the next which of 16 handles, then come its
    arguments as tests/fuzz/sockets*.cc read them."""
    calls = ("open", "bind", "listen", "accept", "connect", "send", "receive", "sendto", "recvfrom", "receive_error", "shutdown",
             "close", "abort", "disconnect", "set", "ask", "take_error", "turn", "poll", "device", "sysctl", "stale", "fail",
             "congestion")
    peer4, peer6, own4, own6, loop4, loop6, any4, any6 = 0, 1, 4, 5, 6, 7, 8, 9
    at_once, ms5, ms200, s1, s12, s60, s121, s600, hours = 0, 2, 4, 5, 7, 8, 9, 10, 11

    def call(name, handle=0, *arguments):
        return bytes([calls.index(name), handle, *arguments])
    def opened(handle, side=0, family=4, transport="tcp"):
        return call("open", handle, side + 2 * (family == 6) + 4 * ("tcp", "udp", "icmp").index(transport))
    def turn(time=at_once):
        return call("turn", 0, time)
    def joined(family=4, peer=None, client=1):
        """Handle 0 listens on side 0, `client` has connected, and 2 is what was accepted."""
        inside = peer is not None
        peer = peer if inside else peer4 if family == 4 else peer6
        return (opened(0, 0, family) + call("bind", 0, any4 if family == 4 else any6, 80) + call("listen", 0, 5)
                + opened(client, 0 if inside else 1, family) + call("connect", client, peer, 80) + turn() + call("accept", 0, 2))
    def tape(*parts, whole=True):
        return bytes([0 if whole else 1]) + b"".join(parts)
    send, receive = (lambda h, n, how=1: call("send", h, n, how)), (lambda h, n, how=0: call("receive", h, n, how))

    yield "nothing", tape()
    yield "open-all", tape(*[opened(i, i % 2, 4 + i // 2 % 2 * 2, ("tcp", "udp", "icmp")[i % 3]) for i in range(16)])
    yield "open-close-again", tape(*[opened(1) + call("close", 1) + opened(2) + call("stale", 0, i) + call("close", 2) for i in range(30)])
    yield "open-too-many", tape(*[opened(i % 16) + turn() for i in range(60)])
    for family in (4, 6):
        v, anywhere, own, loop, peer = f"v{family}", *((any4, own4, loop4, peer4) if family == 4 else (any6, own6, loop6, peer6))
        yield f"{v}-stream", tape(joined(family), send(1, 100), turn(), receive(2, 100), send(2, 190), turn(ms200), receive(1, 250))
        yield f"{v}-stream-inside", tape(joined(family, own), send(1, 100), turn(), receive(2, 100), send(2, 200), turn(), receive(1, 99))
        yield f"{v}-stream-loopback", tape(joined(family, loop), send(1, 255), turn(), receive(2, 255), call("close", 1), turn(s60))
        yield f"{v}-large", tape(joined(family), *[send(1, 255) + turn(ms5) + receive(2, 240) for i in range(12)])
        yield f"{v}-full-window", tape(joined(family), *[send(1, 255) for i in range(8)], turn(s12), turn(s60), receive(2, 255), turn(s1))
        yield f"{v}-small-parts", tape(joined(family), *[send(1, i) + receive(2, 1) + turn() for i in range(16)])
        yield f"{v}-no-octets", tape(joined(family), send(1, 0), receive(2, 0), send(1, 5), turn(), receive(2, 0), receive(2, 9))
        yield f"{v}-peek", tape(joined(family), send(1, 90), turn(), receive(2, 50, 1), receive(2, 40, 0x21), receive(2, 255))
        yield f"{v}-urgent", tape(joined(family), send(1, 9), send(1, 9, 0), turn(), receive(2, 4), receive(2, 1, 4), receive(2, 90))
        yield f"{v}-urgent-in-line", tape(joined(family), call("set", 2, 10, 1), send(1, 9), send(1, 9, 0), turn(), receive(2, 90))
        yield f"{v}-half-close", tape(joined(family), send(1, 90), call("shutdown", 1, 1), turn(), receive(2, 250), receive(2, 9), send(2, 90))
        yield f"{v}-shut-read", tape(joined(family), call("shutdown", 2, 0), send(1, 90), turn(), receive(2, 250), receive(2, 9))
        yield f"{v}-shut-both", tape(joined(family), call("shutdown", 1, 2), turn(), call("shutdown", 2, 2), turn(s121))
        yield f"{v}-reset", tape(joined(family), send(1, 90), turn(), call("abort", 1), turn(), receive(2, 250), receive(2, 9), send(2, 1))
        yield f"{v}-linger-0", tape(joined(family), call("set", 1, 9, 0), call("close", 1), turn(), call("take_error", 2), call("ask", 2))
        yield f"{v}-unread-close", tape(joined(family), send(1, 90), turn(), call("close", 2), turn(), receive(1, 9), call("take_error", 1))
        yield f"{v}-disconnect", tape(joined(family), call("disconnect", 1), turn(), receive(2, 9), call("connect", 1, peer, 80), turn())
        yield f"{v}-refused", tape(opened(1, 0, family), call("connect", 1, peer, 99), turn(), send(1, 9), call("connect", 1, peer, 99), turn())
        yield f"{v}-never-accepted", tape(joined(family), opened(4, 1, family), call("connect", 4, peer, 80), turn(), send(4, 9), turn(),
                                          call("close", 0), turn(), receive(4, 9))
        yield f"{v}-listen-again", tape(joined(family), call("shutdown", 0, 0), call("listen", 0, 1), call("close", 2), call("accept", 0, 2))
        yield f"{v}-self", tape(opened(1, 0, family), call("bind", 1, own, 77), call("connect", 1, own, 77), turn(), send(1, 9), turn(),
                                receive(1, 9))
        yield f"{v}-both-open", tape(opened(1, 0, family), opened(2, 1, family), call("bind", 1, anywhere, 77), call("bind", 2, anywhere, 78),
                                     call("connect", 1, peer, 78), call("connect", 2, peer, 77), turn(), send(1, 9), turn(), receive(2, 9))
        yield f"{v}-same-pair-again", tape(opened(0, 0, family), call("bind", 0, anywhere, 80), call("listen", 0, 5), *[
            opened(1, 1, family) + call("bind", 1, anywhere, 90) + call("connect", 1, peer, 80) + turn() + send(1, 40 + i) + turn()
            + call("abort", 1) + turn() for i in range(3)], *[call("accept", 0, i) + receive(i, 99) for i in (2, 3, 4)])
        yield f"{v}-time-wait", tape(joined(family), call("close", 1), turn(), call("close", 2), turn(s1), call("ask", 1), turn(s60), turn(s1))
        yield f"{v}-keep-alive", tape(joined(family), call("set", 1, 3, 1), call("set", 1, 4, 1), turn(s1), turn(s12), turn(hours))
        yield f"{v}-corked", tape(joined(family), call("set", 1, 8, 1), send(1, 9), turn(ms5), turn(ms200), receive(2, 9))
        yield f"{v}-memory-fails", tape(joined(family), call("fail", 0, 3), *[send(1, 200) + turn(ms5) + receive(2, 250) for i in range(9)])
        yield f"{v}-mtu", tape(joined(family), send(1, 255), call("device", 0, 37), turn(), call("device", 1, 19), turn(s1), receive(2, 255))

        def spoken(transport="udp", where=peer):
            return (opened(0, 0 if where != peer else 1, family, transport) + call("bind", 0, anywhere, 53) + opened(1, 0, family, transport))
        to = lambda h, where, port, n, how=0: call("sendto", h, how, n, where, port)
        yield f"{v}-datagram", tape(spoken(), to(1, peer, 53, 100), turn(), call("recvfrom", 0, 150, 0))
        yield f"{v}-datagrams-inside", tape(spoken(where=loop), *[to(1, loop, 53, n) for n in range(9)], turn(), *[call("recvfrom", 0, 90, 0)] * 10)
        yield f"{v}-datagram-cut", tape(spoken(), to(1, peer, 53, 100), turn(), call("recvfrom", 0, 30, 1), call("recvfrom", 0, 30, 0))
        yield f"{v}-datagram-large", tape(spoken(), to(1, peer, 53, 254), to(1, peer, 53, 255), turn(), call("recvfrom", 0, 255, 0))
        yield f"{v}-datagram-gathered", tape(spoken(), *[to(1, peer, 53, n, 64) for n in (3, 0, 90)], to(1, peer, 53, 7, 2), turn(),
                                             call("recvfrom", 0, 250, 0))
        yield f"{v}-datagram-corked", tape(spoken(), call("set", 1, 8, 1), to(1, peer, 53, 9), to(1, peer, 53, 9), call("set", 1, 8, 0), turn(),
                                           call("recvfrom", 0, 250, 0))
        yield f"{v}-datagram-connected", tape(spoken(), call("connect", 1, peer, 53), call("sendto", 1, 4, 90), turn(), call("recvfrom", 0, 99, 0),
                                              call("disconnect", 1), call("sendto", 1, 4, 90))
        yield f"{v}-datagram-refused", tape(spoken(), call("set", 1, 26, 1), call("connect", 1, peer, 99), call("sendto", 1, 4, 9), turn(),
                                            call("receive_error", 1), call("sendto", 1, 4, 9), turn(), call("recvfrom", 1, 9, 0))
        yield f"{v}-datagram-shut", tape(spoken(), call("shutdown", 0, 2), to(1, peer, 53, 9), turn(), call("recvfrom", 0, 9, 4), to(0, peer, 9, 9))
        yield f"{v}-datagram-too-long", tape(spoken(), call("set", 1, 26, 1), call("set", 1, 27, 2), to(1, peer, 53, 190), call("receive_error", 1))
        yield f"{v}-datagram-full", tape(spoken(), call("set", 0, 11, 0), *[to(1, peer, 53, 140) for i in range(12)], turn(),
                                         *[call("recvfrom", 0, 200, 0)] * 4)
        yield f"{v}-datagram-closed", tape(spoken(), *[to(1, peer, 53, 250) for i in range(9)], call("close", 1), turn(), call("recvfrom", 0, 255, 0))
        yield f"{v}-shared-port", tape(*[opened(i, 0, family, "udp") + call("set", i, 1, 1) + call("bind", i, anywhere, 53) for i in range(4)],
                                       opened(9, 1, family, "udp"), *[to(9, peer, 53, n) for n in range(8)], turn(), call("recvfrom", 3, 99, 0))
        yield f"{v}-echo", tape(spoken("icmp"), to(1, peer, 0, 64), turn(), call("recvfrom", 1, 99, 0), to(1, loop, 0, 8), turn(),
                                call("recvfrom", 1, 99, 0))
    yield "v6-takes-v4", tape(opened(0, 0, 6), call("bind", 0, any6, 80), call("listen", 0, 5), opened(1, 1, 4), call("connect", 1, peer4, 80),
                              turn(), call("accept", 0, 2), send(1, 9), turn(), receive(2, 9))
    yield "v6-only", tape(opened(0, 0, 6), call("set", 0, 2, 1), call("bind", 0, any6, 80), opened(1, 0, 4), call("bind", 1, any4, 80))
    yield "broadcast", tape(opened(0, 1, 4, "udp"), call("bind", 0, any4, 53), opened(1, 0, 4, "udp"), call("sendto", 1, 0, 9, 10, 53),
                            call("set", 1, 25, 1), call("sendto", 1, 0, 9, 10, 53), turn(), call("recvfrom", 0, 99, 0))
    yield "all-options", tape(*[opened(i, 0, 4, t) for i, t in enumerate(("tcp", "udp", "icmp"))],
                              *[call("set", i, o, n) for o in range(30) for n in (1, 5) for i in range(3)], whole=False)
    yield "all-knobs", tape(*[call("sysctl", 0, i, n) for i in range(40) for n in (9, 16)])
    yield "one-side-alone", tape(joined(), send(1, 90), call("poll", 0, 1), send(1, 90), call("poll", 0, 1), call("poll", 0, 0), turn())


def main():
    for name, octets in packets():
        save("parsers", name, octets)
    for name, octets in tapes():
        save("tables", name, octets)
    for name, octets in fragments():
        save("reassembly", name, octets)
    for name, octets in conversations():
        save("sockets", name, octets)


main()
