#!/usr/bin/env python3
"""The ways to a TUN device: made by us or before, with one queue or several, addressed before or after, given as a
descriptor; MTUs; what is said where there is none; and a program that is killed."""

import fcntl
import os
import pathlib
import socket
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from kernel_side import (FAMILIES, MIB, accept, connect, expect_error, in_background, listen, make_file, new_path,  # noqa: E402
                         receive, run_test, same, wanted)
from remote import Remote, result  # noqa: E402
from results import Report  # noqa: E402

TUNSETIFF, IFF_TUN, IFF_MULTI_QUEUE, IFF_NO_PI, IFF_VNET_HDR = 0x400454CA, 0x0001, 0x0100, 0x1000, 0x4000
PORT, HTTP = 5000, 8080
HALF_WINDOW = 32767
TIMESTAMPS = 12   # octets of the option, which Linux counts off the MSS


def device_exists():
    return any(name == "tun0" for _, name in socket.if_nameindex())


def remove_device():
    if device_exists():
        netns.run(["ip", "link", "delete", "tun0"])


def talk(remote, data):
    """Both families, both ways of opening, both directions."""
    wrong = []
    for family, kernel, ours in FAMILIES:
        listener = remote.listen(ours, PORT)
        theirs, mine = connect(ours, PORT), listener.accept()
        listener.close()
        wrong += [f"{family}, opened by the kernel: {w}" for w in exchange(theirs, mine, data)]
        with listen(kernel) as listener:
            mine = remote.connect(listener.getsockname()[:2])
            theirs = accept(listener)
        wrong += [f"{family}, opened by us: {w}" for w in exchange(theirs, mine, data)]
    return wrong


def exchange(theirs, mine, data):
    got = new_path()
    receiving = mine.begin("receive", got, data.stat().st_size)
    theirs.sendall(data.read_bytes())
    result(receiving, 10, "receiving")
    sending = mine.begin("send", data)
    theirs_got = receive(theirs, data.stat().st_size)
    result(sending, 10, "sending")
    theirs.close(), mine.close()
    return [w for w in (same("what we received", got, data), same("what the kernel received", theirs_got, data)) if w]


class started:
    """A program whose stack has been started; it is stopped at the end, and the device removed."""

    def __init__(self, env=None, **more):
        self.arguments = env, more

    def __enter__(self):
        env, more = self.arguments
        self.remote = Remote(env, **more)
        self.remote.call("start")
        return self.remote

    def __exit__(self, kind, *_):
        status = self.remote.stop()
        remove_device()
        if kind is None and status != 0:
            raise netns.Failure(f"the program's status is {status}")


# ---- orders of attaching ----

def made_by_us_and_addressed_after(data):
    with started() as remote:
        netns.address_tun()
        return talk(remote, data)


def made_by_us_and_gone_with_us(_):
    with started() as remote:
        there = device_exists()
        remote.stop()
        return [wanted("while we run, a device", there, True), wanted("afterwards, a device", device_exists(), False)]


def made_before(multi_queue, addressed_before):
    def test(data):
        netns.run(["ip", "tuntap", "add", "dev", "tun0", "mode", "tun", *(["multi_queue"] if multi_queue else [])])
        if addressed_before:
            netns.address_tun()
        with started() as remote:
            if not addressed_before:
                netns.address_tun()
            return talk(remote, data)
    test.__name__ = (f"made before {'with several queues' if multi_queue else 'with one queue'}, "
                     f"addressed {'before' if addressed_before else 'after'} the start")
    return test


def made_before_serves_one_program_after_another(data):
    netns.make_tun()
    wrong = []
    for _ in range(3):
        remote = Remote()
        wrong += talk(remote, data)
        remote.stop()
    remove_device()
    return wrong


def listening_before_the_device_is_up(_):
    """The listener is there first; the kernel's side comes up afterwards and connects."""
    with started() as remote:
        listener = remote.listen("::", PORT)
        netns.address_tun()
        for _, _, ours in FAMILIES:
            connect(ours, PORT).close()
            listener.accept().close()
    return []


def connecting_before_the_device_is_up(_):
    """Our SYN meets a device that is down; it goes again when the kernel's side is there."""
    with started() as remote:
        mine = remote.socket(netns.KERNEL_V4)
        opening = mine.begin("connect", netns.KERNEL_V4, PORT)
        netns.wait_until(lambda: mine.call("state") == 2, 5, "SYN-SENT")
        netns.address_tun()
        with socket.create_server((netns.KERNEL_V4, PORT)):
            result(opening, 10, "connecting")
        return []


def by_descriptor(flags):
    def test(data):
        device = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI | flags))
        netns.address_tun()
        with started({"TUNIC_FD": str(device), "TUNIC_DEVICE": "nowhere"}, pass_fds=[device]) as remote:
            os.close(device)
            return talk(remote, data)
    named = [name for bit, name in ((IFF_VNET_HDR, "vnet header"), (IFF_MULTI_QUEUE, "several queues")) if flags & bit]
    test.__name__ = f"TUNIC_FD with {' and '.join(named) or 'no flags'}"
    return test


ORDERS = [made_by_us_and_addressed_after, made_by_us_and_gone_with_us,
          *(made_before(multi_queue, before) for multi_queue in (False, True) for before in (False, True)),
          made_before_serves_one_program_after_another, listening_before_the_device_is_up, connecting_before_the_device_is_up,
          *(by_descriptor(flags) for flags in (0, IFF_VNET_HDR, IFF_MULTI_QUEUE, IFF_VNET_HDR | IFF_MULTI_QUEUE))]


# ---- MTUs ----

def with_mtu(mtu, ours_alone):
    """`ours_alone`: the device stays as it is, TUNIC_MTU is less."""
    def test(data):
        netns.make_tun(mtu=None if ours_alone else mtu)
        with started({"TUNIC_MTU": str(mtu)} if ours_alone else None) as remote:
            wrong = talk(remote, data)
            for family, _, ours in FAMILIES:
                with remote_listener(remote, ours), connect(ours, PORT) as s:
                    mss = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
                    should = mtu - (40 if family == "IPv4" else 60) - TIMESTAMPS
                    # Linux keeps it under half of the largest window that it has seen, which a large MTU meets.
                    wrong.append(wanted(f"{family}: the kernel's MSS", mss, should) if mtu < HALF_WINDOW else "")
        return wrong
    test.__name__ = f"{'TUNIC_MTU' if ours_alone else 'MTU'} {mtu}"
    return test


class remote_listener:
    def __init__(self, remote, address):
        self.listener = remote.listen(address, PORT)

    def __enter__(self):
        return self.listener

    def __exit__(self, *_):
        self.listener.close()


MTUS = [with_mtu(1280, False), with_mtu(9000, False), with_mtu(65520, False), with_mtu(1280, True)]


# ---- no device ----

def sentence(words, env=None, without_right=False):
    def test(_):
        wrapper = ["setpriv", "--bounding-set", "-net_admin"] if without_right else []
        done = subprocess.run([*wrapper, netns.BUILD / "bin/services", "--echo", str(PORT)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=10,
                              env={**os.environ, **netns.STACK, **(env or {})})
        said = done.stderr.splitlines()
        return [wanted("status", done.returncode, 1), wanted("lines", len(said), 1), wanted("stdout", done.stdout, "")] + [
            f"'{word}' is not in '{said}'" for word in words if not any(word in line for line in said)]
    return test


# ---- killed ----

def killed_in_mid_transfer(_):
    """Threat D14: our process dies by SIGKILL. The device is gone with it; a new start is reached at once, and tells old
    connections that it does not know them."""
    wrong = []
    for family, _, ours in FAMILIES:
        remote = Remote()
        listener = remote.listen(ours, PORT)
        netns.address_tun()
        sender = connect(ours, PORT)
        first = listener.accept()
        sending = in_background(sender.sendall, bytes(64 * MIB))
        first.call("receive", new_path(), MIB)
        remote.kill()
        wrong.append(wanted(f"{family}: a device without its program", device_exists(), False))

        again = Remote()
        listener = again.listen(ours, PORT)
        netns.address_tun()
        wrong.append(expect_error(ConnectionResetError, result, sending, 15, "what meets the new start"))
        fresh, accepted = connect(ours, PORT, 5), listener.accept()
        accepted.call("send", make_file(100))
        wrong.append(wanted(f"{family}: octets from the new start", len(receive(fresh, 100)), 100))
        sender.close(), fresh.close()
        again.stop()
    return [w for w in wrong if w]


def curl_learns_that_its_server_was_killed(_):
    wrong = []
    site = netns.FOLDER / "site"
    site.mkdir()
    (site / "large").write_bytes(bytes(64 * MIB))
    for family, _, ours in FAMILIES:
        host = f"[{ours}]" if ":" in ours else ours
        server = netns.Program([netns.BUILD / "bin/http_server", "--port", HTTP, site], ready="listening")
        netns.address_tun()
        got = new_path()
        curl = subprocess.Popen(["curl", "-sS", "--limit-rate", "16M", "--keepalive-time", "1", "-o", got,
                                 f"http://{host}:{HTTP}/large"], stderr=subprocess.PIPE, text=True)
        netns.wait_until(lambda: got.exists() and got.stat().st_size > MIB, 5, "the transfer begins")
        server.process.kill()
        server.process.wait()
        wrong.append(wanted(f"{family}: a device without its program", device_exists(), False))
        server = netns.Program([netns.BUILD / "bin/http_server", "--port", HTTP, site], ready="listening")
        netns.address_tun()
        _, said = curl.communicate(timeout=10)   # its keep-alive has met a stack that does not know it
        wrong.append("" if curl.returncode != 0 and "reset" in said else f"{family}: curl gives {curl.returncode} '{said}'")
        netns.run(["curl", "-sS", "-o", got, f"http://{host}:{HTTP}/large"])
        wrong.append(same(f"{family}: the file from the new start", got, site / "large"))
        server.stop()
    return [w for w in wrong if w]


def main():
    name = "attaching"
    netns.isolate_test(name)
    report = Report()
    data = make_file(MIB)

    def run(title, test):
        run_test(report, f"{name}: {title}", test, data)
        remove_device()

    for test in ORDERS + MTUS:
        run(test.__name__.replace("_", " "), test)
    run("without the right to a device, a sentence", sentence(["tun0", "CAP_NET_ADMIN"], without_right=True))
    run("with a wrong address, a sentence", sentence(["TUNIC_ADDRESS", "198.18.0.300"], {"TUNIC_ADDRESS": "198.18.0.300/24"}))
    run("with a wrong descriptor, a sentence", sentence(["99"], {"TUNIC_FD": "99"}))
    for test in (killed_in_mid_transfer, curl_learns_that_its_server_was_killed):
        run(test.__name__.replace("_", " "), test)
    sys.exit(report.finish())


main()
