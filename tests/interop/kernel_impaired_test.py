#!/usr/bin/env python3
"""16 MiB each way where 1 % of the wire segments are lost, 1 % are held back behind others and 1 % come twice, in both
directions: all of it arrives, unchanged, in time."""

import pathlib
import socket
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from kernel_side import (MIB, connect, counter, in_background, make_file, new_path, receive, run_all, same,  # noqa: E402
                         wanted)
from remote import Remote, result  # noqa: E402
from results import Report  # noqa: E402

SECONDS = 60
IMPAIRMENT = "loss=1%,reorder=1%,duplicate=1%"
LEAST_LOST = 40   # of more than 11 000 segments


def connected(ours, remote):
    listener = remote.listen(ours)
    theirs = connect(ours, listener.port(), SECONDS)
    accepted = listener.accept()
    listener.close()
    return theirs, accepted


def seen(name, least, protocol="TcpExt"):
    """Notes a counter of the kernel; the function that is given says what is wrong if it has not grown by `least` since."""
    before = counter(protocol, name)
    return lambda: "" if (n := counter(protocol, name) - before) >= least else f"the network was not bad: {name} grew by {n}"


def the_kernel_sends(_, ours, remote, data):
    was_bad = seen("RetransSegs", LEAST_LOST, "Tcp")
    theirs, mine = connected(ours, remote)
    got = new_path()
    receiving = mine.begin("receive", got, 1 << 40)
    theirs.sendall(data.read_bytes())
    theirs.shutdown(socket.SHUT_WR)
    result(receiving, SECONDS, "receiving")
    mine.close()
    theirs.close()
    return [same("what we received", got, data), was_bad()]


def we_send(_, ours, remote, data):
    was_bad = seen("TCPOFOQueue", LEAST_LOST)
    theirs, mine = connected(ours, remote)
    sending = mine.begin("send", data)
    got = in_background(receive, theirs)
    result(sending, SECONDS, "sending")
    mine.close()
    return [same("what the kernel received", got.result(SECONDS), data), was_bad()]


def thirty_short_connections(_, ours, remote, __):
    """Handshakes and closes lose segments too."""
    listener = remote.listen(ours)
    wrong = []
    for i in range(30):
        theirs, mine = connect(ours, listener.port(), SECONDS), listener.accept()
        word = make_file(100)
        mine.call("send", word)
        mine.close()
        wrong.append(same(f"connection {i}", receive(theirs), word))
        theirs.close()
    listener.close()
    return wrong


def main():
    name = "a bad network"
    netns.isolate_test(name)
    netns.make_tun()
    report = Report()
    data = make_file(16 * MIB)
    remote = Remote({"TUNIC_IMPAIR": f"{IMPAIRMENT},seed=7"})
    run_all(report, name, [the_kernel_sends, we_send, thirty_short_connections], remote, data)
    report.check(f"{name}: the program ends well", wanted("status", remote.stop(), 0))
    sys.exit(report.finish())


main()
