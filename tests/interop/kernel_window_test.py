#!/usr/bin/env python3
"""A reader that stops and goes on, on either side: the window closes, is probed, opens again, and every octet arrives."""

import pathlib
import socket
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from kernel_side import (MIB, accept, connect, counter, in_background, listen, make_file, new_path,  # noqa: E402
                         probes_sent, receive, run_all, same, wanted)
from remote import Remote, result  # noqa: E402
from results import Report  # noqa: E402

PROBES = 3


def our_reader_stops(_, ours, remote, data):
    """RFC 9293 section 3.8.6.1: a window of zero, probes are answered (MUST-36 on the kernel's side), an ACK opens it."""
    listener = remote.listen(ours)
    theirs, mine = connect(ours, listener.port()), listener.accept()
    sending = in_background(theirs.sendall, data.read_bytes())
    netns.wait_until(lambda: (probes_sent(listener.port()) or 0) >= PROBES, 10, "the kernel probes our closed window")
    held = mine.call("readable")
    got = new_path()
    mine.call("receive", got, data.stat().st_size)
    sending.result(10)
    theirs.close(), mine.close(), listener.close()
    return [same("what arrived", got, data), "" if 0 < held < data.stat().st_size else f"{held} octets waited to be read"]


def our_reader_stops_again_and_again(_, ours, remote, data):
    listener = remote.listen(ours)
    theirs, mine = connect(ours, listener.port()), listener.accept()
    mine.call("set", int(socket.SOL_SOCKET), int(socket.SO_RCVBUF), 65536)
    sending = in_background(theirs.sendall, data.read_bytes())
    got, size = new_path(), data.stat().st_size
    for part in range(4):
        netns.wait_until(lambda: probes_sent(listener.port()) is not None, 10, f"our window closes, time {part + 1}")
        mine.call("receive", got, size // 4)
    sending.result(10)
    theirs.close(), mine.close(), listener.close()
    return [same("what arrived", got, data)]


def the_kernels_reader_stops(kernel, _, remote, data):
    """MUST-36 and MUST-35: we probe a closed window, and go on when it opens."""
    closed = counter("TcpExt", "TCPToZeroWindowAdv")
    with listen(kernel) as listener:
        mine = remote.connect(listener.getsockname()[:2])
        theirs = accept(listener)
    sending = mine.begin("send", data)
    netns.wait_until(lambda: counter("TcpExt", "TCPToZeroWindowAdv") > closed, 10, "the kernel closes its window")
    heard = counter("Tcp", "InSegs")
    netns.wait_until(lambda: counter("Tcp", "InSegs") >= heard + PROBES, 10, "our probes reach the kernel")
    held = mine.call("unacknowledged")
    got = receive(theirs, data.stat().st_size)
    result(sending, 10, "sending")
    mine.close(), theirs.close()
    return [same("what arrived", got, data), "" if held > 0 else "nothing waited to be sent"]


def the_kernels_reader_stops_again_and_again(kernel, _, remote, data):
    with listen(kernel) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        mine = remote.connect(listener.getsockname()[:2])
        theirs = accept(listener)
    got, size = b"", data.stat().st_size
    sending = mine.begin("send", data)
    closed = counter("TcpExt", "TCPToZeroWindowAdv")
    for part in range(4):
        netns.wait_until(lambda: counter("TcpExt", "TCPToZeroWindowAdv") > closed, 10,
                         f"the kernel's window closes, time {part + 1}")
        got += receive(theirs, size // 4 - MIB // 4)
        closed = counter("TcpExt", "TCPToZeroWindowAdv")
    got += receive(theirs, size - len(got))
    result(sending, 10, "sending")
    mine.close(), theirs.close()
    return [same("what arrived", got, data)]


def a_window_that_stays_closed_ends_nothing(kernel, _, remote, data):
    """We close with text behind a closed window: it arrives all the same, and so does the end."""
    with listen(kernel) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        mine = remote.socket(kernel)
        mine.call("set", int(socket.SOL_SOCKET), int(socket.SO_SNDBUF), 2 * MIB)
        mine.call("connect", *listener.getsockname()[:2])
        theirs = accept(listener)
    part = make_file(MIB)
    mine.call("send", part)
    mine.close()
    heard = counter("Tcp", "InSegs")
    netns.wait_until(lambda: counter("Tcp", "InSegs") >= heard + PROBES, 10, "our probes reach the kernel")
    with theirs:
        return [same("what arrived", receive(theirs), part)]


def a_last_part_segment_waits_behind_a_closed_window(kernel, _, remote, __):
    """Small pieces, each acknowledged before the next, until one meets the closed window; nothing follows it."""
    with listen(kernel) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        mine = remote.connect(listener.getsockname()[:2])
        theirs = accept(listener)
    closed = counter("TcpExt", "TCPToZeroWindowAdv")
    pieces = []

    def taken_or_closed():
        return mine.call("unacknowledged") == 0 or counter("TcpExt", "TCPToZeroWindowAdv") > closed

    while counter("TcpExt", "TCPToZeroWindowAdv") == closed or mine.call("unacknowledged") == 0:
        pieces.append(make_file(500))
        mine.call("send", pieces[-1])
        netns.wait_until(taken_or_closed, 5, "the kernel takes a piece or closes its window")
    heard = counter("Tcp", "InSegs")
    netns.wait_until(lambda: counter("Tcp", "InSegs") >= heard + PROBES, 10, "our probes reach the kernel")
    theirs.settimeout(2)
    sent = b"".join(piece.read_bytes() for piece in pieces)
    wrong = same("what arrived", receive(theirs, len(sent)), sent)
    mine.close(), theirs.close()
    return wrong


def both_readers_stop(we_go_on_first):
    """Each window is closed while text waits behind it, and the probes of both sides have crossed."""
    def test(_, ours, remote, data):
        closed = counter("TcpExt", "TCPToZeroWindowAdv")
        listener = remote.listen(ours)
        theirs, mine = connect(ours, listener.port()), listener.accept()
        sending, theirs_sending = mine.begin("send", data), in_background(theirs.sendall, data.read_bytes())
        netns.wait_until(lambda: (probes_sent(listener.port()) or 0) >= 2, 10, "the kernel probes our closed window")
        netns.wait_until(lambda: counter("TcpExt", "TCPToZeroWindowAdv") > closed, 10, "the kernel closes its window")
        got, size = new_path(), data.stat().st_size
        begun = time.monotonic()
        if we_go_on_first:
            mine.call("receive", got, size, seconds=10)
            theirs_sending.result(10)
        theirs_got = receive(theirs, size)
        result(sending, 10, "sending")
        if not we_go_on_first:
            mine.call("receive", got, size, seconds=10)
            theirs_sending.result(10)
        took = time.monotonic() - begun
        theirs.close(), mine.close(), listener.close()
        return [same("what we received", got, data), same("what the kernel received", theirs_got, data),
                "" if took < 4 else f"it took {took:.1f} s to go on"]
    test.__name__ = f"both readers stop and {'ours' if we_go_on_first else 'the kernels'} goes on first"
    return test


TESTS = [our_reader_stops, our_reader_stops_again_and_again, the_kernels_reader_stops,
         the_kernels_reader_stops_again_and_again, a_window_that_stays_closed_ends_nothing,
         a_last_part_segment_waits_behind_a_closed_window,
         both_readers_stop(True), both_readers_stop(False)]


def main():
    name = "stopped readers"
    netns.isolate_test(name)
    netns.make_tun()
    report = Report()
    data = make_file(16 * MIB)
    remote = Remote()
    run_all(report, name, TESTS, remote, data)
    report.check(f"{name}: the program ends well", wanted("status", remote.stop(), 0))
    sys.exit(report.finish())


main()
