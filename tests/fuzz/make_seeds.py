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


def main():
    for name, octets in packets():
        save("parsers", name, octets)
    for name, octets in tapes():
        save("tables", name, octets)


main()
