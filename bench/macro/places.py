"""Namespaces for the peers and their load, and the CPUs that they run on."""

import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from netns import run  # noqa: E402

LOAD_ADDRESS, PEER_ADDRESS = "198.18.0.1", "198.18.0.2"


class Place:
    """Where a peer runs and where its load runs: two ends of a veth pair, or one namespace with a TUN device."""

    def __init__(self, name, veth=False, mtu=1500, multi_queue=False):
        self.peer = self.load = name
        add_namespace(name)
        if veth:
            self.load = f"{name}-load"
            add_namespace(self.load)
            run(["ip", "link", "add", "veth0", "netns", self.load, "type", "veth", "peer", "name", "veth0", "netns", self.peer])
            address(self.load, "veth0", LOAD_ADDRESS)
            address(self.peer, "veth0", PEER_ADDRESS)
        else:
            run(["ip", "-n", name, "tuntap", "add", "dev", "tun0", "mode", "tun", *(["multi_queue"] if multi_queue else [])])
            run(["ip", "-n", name, "link", "set", "tun0", "txqueuelen", "5000", "mtu", mtu])
            run(within(name, ["sysctl", "-qw", "net.ipv6.conf.tun0.router_solicitations=0"]))   # nobody speaks but the load
            address(name, "tun0", LOAD_ADDRESS)
            run(["ip", "-n", name, "address", "add", "fd00::1/64", "dev", "tun0", "nodad"])

    def wait_for_carrier(self):
        """The kernel drops what is sent before it has noticed, in its own time, that a program holds the device."""
        netns.wait_until(lambda: "DOWN" not in run(["ip", "-n", self.peer, "-br", "link", "show", "up", "type", "tun"]), 5,
                         "the device has a carrier")


def add_namespace(name):
    run(["ip", "netns", "add", name])
    run(["ip", "-n", name, "link", "set", "lo", "up"])
    run(within(name, ["sysctl", "-qw", "net.ipv4.ip_local_port_range=1024 65535"]))


def address(namespace, device, text):
    run(["ip", "-n", namespace, "address", "add", f"{text}/24", "dev", device])
    run(["ip", "-n", namespace, "link", "set", device, "up"])


def within(namespace, command):
    return ["nsenter", f"--net=/run/netns/{namespace}", *command]


def on(cpus, command):
    return ["taskset", "-c", ",".join(map(str, cpus)), *command]


def sides(count, apart=True):
    """The CPUs of the peer and of the load: the last one for both; or one for each, or two for both where not apart. The first
    ones have interrupts to see to."""
    last = sorted(os.sched_getaffinity(0))[-count:]
    return ([last[-1]], [last[0]]) if apart else (last, last)


def come_first():
    """Whatever else the machine does comes after us, where we may say so. Niceness alone counts only among what one terminal
    started."""
    try:
        os.nice(-15)
        os.setsid()
        pathlib.Path("/proc/self/autogroup").write_text("-15")
    except OSError:
        pass
