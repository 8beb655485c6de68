#!/usr/bin/env python3
"""A router on the way whose link changes its MTU in the middle of a transfer: 1500, 600 (1280 for IPv6), 9000, 1500. It tells us
by ICMP (RFC 1191, RFC 8201); not an octet is lost, and what we send fits the link."""

import pathlib
import socket
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from kernel_side import MIB, SECONDS, make_file, run_test, same, wanted  # noqa: E402
from remote import Remote, result  # noqa: E402
from results import Report  # noqa: E402

PEER = {"IPv4": "198.19.0.2", "IPv6": "fd00:9::2"}
ROUTER = {"IPv4": "198.19.0.1", "IPv6": "fd00:9::1"}
OURS = {"IPv4": netns.STACK_V4, "IPv6": netns.STACK_V6}
MTUS = {"IPv4": (600, 9000, 1500), "IPv6": (1280, 9000, 1500)}
DOWN = "router"   # the router's end of the link to the peer


def make_network():
    """tun0 - this namespace, which forwards - router/peer - the namespace of the peer."""
    netns.make_tun(mtu=9000)
    netns.run(["ip", "netns", "add", "far"])
    netns.run(["ip", "link", "add", DOWN, "type", "veth", "peer", "name", "peer", "netns", "far"])
    inside = ["ip", "-n", "far"]
    enable_v6 = "for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 0 >$f; done"
    netns.run(["sh", "-c", enable_v6])
    netns.run(["ip", "netns", "exec", "far", "sh", "-c", enable_v6])
    for family in PEER:
        length, nodad = ("24", []) if family == "IPv4" else ("64", ["nodad"])
        netns.run(["ip", "address", "add", f"{ROUTER[family]}/{length}", "dev", DOWN, *nodad])
        netns.run([*inside, "address", "add", f"{PEER[family]}/{length}", "dev", "peer", *nodad])
    netns.run(["ip", "link", "set", DOWN, "up"])
    netns.run([*inside, "link", "set", "peer", "up"])
    netns.run([*inside, "link", "set", "lo", "up"])
    netns.run([*inside, "link", "set", "peer", "mtu", 9000])   # it takes what comes; the router's end is the bottleneck
    for family, router in ROUTER.items():
        netns.run([*inside, "route", "add", "default", "via", router])
    pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    pathlib.Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")
    set_mtu(1500)


def set_mtu(octets):
    netns.run(["ip", "link", "set", DOWN, "mtu", octets])


def counter(name):
    lines = (line.split() for line in pathlib.Path("/proc/net/snmp6").read_text().splitlines())
    return next((int(value) for key, value in lines if key == name), 0)


def errors_sent(family):
    """How often the router has said that a packet was too big."""
    if family == "IPv6":
        return counter("Icmp6OutPktTooBigs")
    lines = pathlib.Path("/proc/net/snmp").read_text().splitlines()
    counted = {}   # there is nothing to count before the first message
    for names, values in zip(lines[::2], lines[1::2]):
        if names.startswith("IcmpMsg:"):
            counted = dict(zip(names.split(), values.split()))
    return int(counted.get("OutType3", 0))


PEER_PROGRAM = """
import socket, sys
family, host, port, size = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
listener = socket.create_server((host, port), family=family)
print("listening", flush=True)
s, _ = listener.accept()
got = 0
with open(sys.argv[5], "wb") as file:
    while block := s.recv(1 << 16):
        file.write(block)
        if (got + len(block)) * 4 // size > got * 4 // size:
            print("quarter", (got + len(block)) * 4 // size, flush=True)
        got += len(block)
"""


def changes_in_a_transfer(family, remote):
    """After each quarter that the peer has received the link's MTU changes."""
    data = make_file(64 * MIB)
    got = netns.FOLDER / f"got{family}"
    set_mtu(1500)
    before = errors_sent(family)
    peer = netns.Program(["ip", "netns", "exec", "far", sys.executable, "-c", PEER_PROGRAM,
                          int(socket.AF_INET6 if family == "IPv6" else socket.AF_INET), PEER[family], 5200, 64 * MIB, got],
                         ready="listening")
    s = remote.connect((PEER[family], 5200))
    sending = s.begin("send", data)
    for quarter, mtu in enumerate(MTUS[family], 1):
        peer.wait_for(f"^quarter {quarter}", SECONDS)
        set_mtu(mtu)
    result(sending, SECONDS, "sending")
    s.close()
    peer.process.wait(SECONDS)
    return [same("what the peer received", got, data), wanted("the router complained", errors_sent(family) > before, True)]


def main():
    name = "path MTU"
    netns.isolate_test(name)
    make_network()
    report = Report()
    remote = Remote()
    for family in ("IPv6", "IPv4"):   # below 1280 a link loses its IPv6 addresses
        run_test(report, f"{name}: changes in the middle of a transfer, {family}", changes_in_a_transfer, family, remote)
    remote.stop()
    netns.run(["ip", "netns", "delete", "far"])
    sys.exit(report.finish())


main()
