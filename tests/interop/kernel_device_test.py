#!/usr/bin/env python3
"""What happens to a device while connections stand: it goes down and up, is deleted and made again, changes its MTU,
overflows, is wanted twice, and its program dies. No octet is lost."""

import ctypes
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from kernel_side import (FAMILIES, MIB, accept, connect, in_background, linger_zero, listen, make_file, new_path,  # noqa: E402
                         run_test, same, wanted)
import remote as programs  # noqa: E402
from remote import result  # noqa: E402
from results import Report  # noqa: E402

PORT = 5000
SECONDS = 60
TIMESTAMPS = 12   # octets of the option, which come off the MSS
CLONE_NEWNET = 0x40000000
STARTS = 20


def index_of(name="tun0"):
    return dict((name, index) for index, name in socket.if_nameindex()).get(name, 0)


def remove_device():
    if index_of():
        netns.run(["ip", "link", "delete", "tun0"])


def link(*arguments):
    netns.run(["ip", "link", "set", "dev", "tun0", *arguments])


def readdress(name="tun0"):
    """The kernel forgets IPv6 addresses of an interface that goes down."""
    netns.run(["ip", "address", "replace", f"{netns.KERNEL_V6}/64", "dev", name, "nodad"])


running = []


def Remote(*arguments, **more):
    """One that is gone when its test is over, however that ends."""
    running.append(programs.Remote(*arguments, **more))
    return running[-1]


class Transfer:
    """A file each way at once over one connection that the kernel has opened, while something happens."""

    def __init__(self, remote, ours, data):
        self.data, self.size, self.got_by_us = data, data.stat().st_size, new_path()
        listener = remote.listen(ours, PORT)
        self.theirs, self.mine = connect(ours, PORT, SECONDS), listener.accept()
        listener.close()
        self.got, self.go_on = bytearray(), threading.Event()
        self.receiving = self.mine.begin("receive", self.got_by_us, self.size)
        self.sending = self.mine.begin("send", data)
        self.their_sending = in_background(self.theirs.sendall, data.read_bytes())
        self.their_receiving = in_background(self._receive)

    def _receive(self):
        while len(self.got) < self.size and (block := self.theirs.recv(MIB)):
            self.got += block

    def progress(self):
        """Of the slower direction, octets."""
        return min(len(self.got), self.got_by_us.stat().st_size if self.got_by_us.exists() else 0)

    def runs(self):
        return not (self.sending.done() and self.their_sending.done())

    def comes_to(self, share):
        netns.wait_until(lambda: self.progress() >= self.size * share, SECONDS, f"{share:.0%} of the transfer")

    def end(self):
        for answer, what in ((self.sending, "sending"), (self.receiving, "receiving"),
                             (self.their_sending, "the kernel's sending"), (self.their_receiving, "the kernel's receiving")):
            result(answer, SECONDS, what)
        wrong = [same("what we received", self.got_by_us, self.data), same("what the kernel received", bytes(self.got), self.data)]
        linger_zero(self.theirs)
        self.theirs.close()
        self.mine.close()
        self.got_by_us.unlink()
        return wrong


def stuck(remote, times):
    """We know that the device carries nothing, and have retransmitted so often in vain."""
    def test(transfer):
        netns.wait_until(lambda: remote.call("device_error"), 5, "the device's trouble is told")
        before = transfer.mine.call("retransmissions")
        netns.wait_until(lambda: transfer.mine.call("retransmissions") >= before + times, 20, f"{times} retransmissions")
    return test


def works(remote):
    netns.wait_until(lambda: remote.call("device_error") == 0, 5, "the device's trouble is over")


def down_and_up(times):
    def test(family, ours, data):   # D1
        remote = Remote()
        remote.call("start")
        netns.address_tun()
        transfer = Transfer(remote, ours, data)
        transfer.comes_to(0.1)
        link("down")
        ran = transfer.runs()
        stuck(remote, times)(transfer)
        link("up")
        readdress()
        works(remote)
        wrong = [wanted("the transfer before it went down runs", ran, True), *transfer.end()]
        remote.stop()
        return wrong
    test.__name__ = f"down until {times} retransmissions were in vain"
    return test


def deleted_and_made_again(multi_queue):
    """With several queues we may find our place before their maker has left his: without a virtio_net_hdr then."""
    def test(family, ours, data):   # D2
        netns.make_tun(multi_queue=multi_queue)
        remote = Remote()
        transfer = Transfer(remote, ours, data)
        transfer.comes_to(0.1)
        remove_device()
        ran = transfer.runs()
        stuck(remote, 1)(transfer)
        netns.make_tun(multi_queue=multi_queue)
        works(remote)
        wrong = [wanted("the transfer before the deletion runs", ran, True), *transfer.end()]
        remote.stop()
        return wrong
    test.__name__ = f"deleted and made again with {'several queues' if multi_queue else 'one queue'}"
    return test


def deleted_twice_and_made_again_by_us(family, ours, data):   # D2
    remote = Remote()
    remote.call("start")
    netns.address_tun()
    transfer = Transfer(remote, ours, data)
    wrong = []
    for share in (0.1, 0.3):
        transfer.comes_to(share)
        old = index_of()
        remove_device()
        wrong.append(wanted("the transfer before the deletion runs", transfer.runs(), True))
        netns.wait_until(lambda: index_of() not in (0, old), 5, "a new device")
        netns.address_tun()
        works(remote)
    wrong += transfer.end()
    remote.stop()
    return wrong


def mtu_changes(family, ours, data):   # D7
    remote = Remote()
    remote.call("start")
    netns.address_tun(mtu=1500)
    transfer = Transfer(remote, ours, data)
    headers = (40 if family == "IPv4" else 60) + TIMESTAMPS
    wrong = []
    steps = (600, 1280, 9000) if family == "IPv4" else (1280, 9000)
    for number, mtu in enumerate(steps, 1):
        transfer.comes_to(0.15 * number)
        link("mtu", str(mtu))
        should = min(mtu, 1500) - headers   # the peer's SYN has told 1500
        netns.wait_until(lambda: transfer.mine.call("mss") == should, 5, f"segments of {should} octets at MTU {mtu}")
        wrong.append(wanted(f"at MTU {mtu} the transfer runs", transfer.runs(), True))
    wrong += transfer.end()
    listener = remote.listen(ours, PORT)
    with connect(ours, PORT) as fresh:
        accepted = listener.accept()
        wrong.append(wanted("a new connection's MSS", accepted.call("mss"), 9000 - headers))
        accepted.close()
        fresh.close()
    remote.stop()
    return wrong


def mtu_given_is_kept(family, ours, data):   # D7
    remote = Remote({"TUNIC_MTU": "1400"})
    remote.call("start")
    netns.address_tun(mtu=1500)
    link("mtu", "1300")
    listener = remote.listen(ours, PORT)
    with connect(ours, PORT):
        accepted = listener.accept()
        headers = (40 if family == "IPv4" else 60) + TIMESTAMPS
        wrong = [wanted("MSS, as the kernel has told it", accepted.call("mss"), 1300 - headers)]
        accepted.close()
    remote.stop()
    return wrong


def dropped():
    return json.loads(netns.run(["ip", "-s", "-j", "link", "show", "tun0"]))[0]["stats64"]["tx"]["dropped"]


def queue_overflows(family, ours, data):   # D6
    remote = Remote()
    remote.call("start")
    netns.address_tun()
    transfer = Transfer(remote, ours, data)
    transfer.comes_to(0.1)
    ran = transfer.runs()
    remote.process.send_signal(signal.SIGSTOP)
    try:
        before = dropped()
        with socket.socket(socket.AF_INET6 if ":" in ours else socket.AF_INET, socket.SOCK_DGRAM) as flood:
            def full():
                for _ in range(100):
                    flood.sendto(bytes(100), socket.MSG_DONTWAIT, (ours, 9))
                return dropped() >= before + 1000
            netns.wait_until(full, 20, "the device's queue drops packets")
    finally:
        remote.process.send_signal(signal.SIGCONT)
    wrong = [wanted("the transfer before runs", ran, True), *transfer.end()]
    remote.stop()
    return wrong


def wanted_twice(family, ours, data):   # D9
    remote = Remote()
    remote.call("start")
    done = subprocess.run([netns.BUILD / "bin/services", "--echo", str(PORT)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=10, env={**os.environ, **netns.STACK})
    said = done.stderr.splitlines()
    remote.stop()
    return [wanted("status", done.returncode, 1), wanted("lines", len(said), 1), wanted("stdout", done.stdout, ""),
            "" if "tun0" in done.stderr and "another program holds it" in done.stderr else f"it said '{done.stderr}'"]


def namespace_ends(ending):
    """A namespace without a name lives as long as a process or a descriptor is in it; the far end of its veth goes with it."""
    def test(family, ours, data):   # D3
        netns.run(["ip", "netns", "add", "left"])
        netns.run(["ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", "left"])
        entrance = os.open("/run/netns/left", os.O_RDONLY | os.O_CLOEXEC)
        libc = ctypes.CDLL(None, use_errno=True)
        remote = Remote(preexec_fn=lambda: libc.setns(entrance, CLONE_NEWNET))
        os.close(entrance)
        remote.call("start")
        netns.run(["ip", "netns", "exec", "left", "ip", "link", "show", "tun0"])
        netns.run(["ip", "netns", "delete", "left"])
        there = index_of("near") != 0
        ending(remote)
        netns.wait_until(lambda: index_of("near") == 0, 10, "the namespace has gone")
        return wanted("while the program runs, the namespace is there", there, True)
    test.__name__ = f"the namespace goes with the program, {ending.__name__}"
    return test


def killed_again_and_again(family, ours, data):   # D14
    """Each start is reached at once, and the connections of the one before learn that they are nobody's."""
    left, wrong = None, []
    for _ in range(STARTS):
        remote = Remote()
        listener = remote.listen(ours, PORT)
        netns.address_tun()
        if left is not None:
            try:
                left.sendall(bytes(MIB))
                while left.recv(1):
                    pass
                wrong.append("a connection to the killed program ended in order")
            except ConnectionResetError:
                pass
            left.close()
        left = connect(ours, PORT, 10)
        accepted = listener.accept()
        left.sendall(b"alive")
        result(accepted.begin("receive", new_path(), 5), 10, "receiving")
        remote.kill()
        wrong.append(wanted("a device without its program", index_of() != 0, False))
    left.close()
    return wrong


def by_exit(remote):
    remote.stop()


def by_sigkill(remote):
    remote.kill()


def main():
    name = "device"
    netns.isolate_test(name)
    report = Report()
    data = make_file(96 * MIB)

    def run(test, families=FAMILIES):
        for family, _, ours in families:
            title = f"{name}: {test.__name__.replace('_', ' ')}" + (f", {family}" if len(families) > 1 else "")
            run_test(report, title, test, family, ours, data)
            while running:
                running.pop().kill()
            remove_device()

    for test in (down_and_up(1), down_and_up(3), deleted_and_made_again(False), deleted_and_made_again(True),
                 deleted_twice_and_made_again_by_us, mtu_changes,
                 mtu_given_is_kept, queue_overflows, killed_again_and_again):
        run(test)
    for test in (wanted_twice, namespace_ends(by_exit), namespace_ends(by_sigkill)):
        run(test, FAMILIES[:1])
    sys.exit(report.finish())


main()
