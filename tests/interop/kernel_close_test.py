#!/usr/bin/env python3
"""How connections with the kernel end, or do not begin: half-close, resets, refused ports, and a program that exits with data
still to send."""

import errno
import fcntl
import pathlib
import socket
import struct
import sys
import termios

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from kernel_side import (MIB, accept, connect, expect_error, in_background, linger_zero, listen, make_file,  # noqa: E402
                         new_path, receive, run_all, same, wanted)
from remote import Remote, result  # noqa: E402
from results import Report  # noqa: E402

CLOSED_PORT = 9
ESTABLISHED, FIN_WAIT_2, CLOSE, CLOSE_WAIT = 1, 5, 7, 8


def pairs(kernel, ours, remote):
    """(who opened, the kernel's socket, ours), connected, for either side as the one that opens."""
    listener = remote.listen(ours)
    theirs = connect(ours, listener.port())
    accepted = listener.accept()
    listener.close()
    yield "opened by the kernel", theirs, accepted
    with listen(kernel) as listener:
        opened = remote.connect(listener.getsockname()[:2])
        yield "opened by us", accept(listener), opened


def with_pairs(test):
    """A test of one connection, made for both pairs."""
    def both(kernel, ours, remote, data):
        wrong = []
        for opened, theirs, mine in pairs(kernel, ours, remote):
            with theirs:
                wrong += [f"{opened}: {w}" for w in test(theirs, mine, remote, data) if w]
            mine.close()
        return wrong
    both.__name__ = test.__name__
    return both


def wait_for_state(mine, state):
    netns.wait_until(lambda: mine.call("state") == state, 5, f"our socket enters state {state}")


def wait_for_text(theirs, size):
    """Until `size` octets wait to be read on the kernel's side."""
    def readable():
        return struct.unpack("i", fcntl.ioctl(theirs, termios.FIONREAD, b"\0" * 4))[0]

    netns.wait_until(lambda: readable() >= size, 5, "text arrives")


# ---- half-close ----

@with_pairs
def the_kernel_closes_its_half_first(theirs, mine, _, data):
    """RFC 9293 section 3.6, case 2 (MUST-12's other side): what it sent arrives, then the end; then all of ours."""
    theirs.sendall(b"question")
    theirs.shutdown(socket.SHUT_WR)
    got = new_path()
    wrong = [wanted("octets before the end", mine.call("receive", got, 1 << 40), 8), same("the question", got, b"question")]
    wait_for_state(mine, CLOSE_WAIT)
    sending = mine.begin("send", data)
    answer = receive(theirs, data.stat().st_size)
    result(sending, 20, "sending")
    mine.shutdown()
    return wrong + [same("the answer", answer, data), wanted("the kernel reads", theirs.recv(1), b"")]


@with_pairs
def we_close_our_half_first(theirs, mine, _, data):
    question = make_file(8)
    mine.call("send", question)
    mine.shutdown()
    wrong = [same("the question", receive(theirs), question)]
    wait_for_state(mine, FIN_WAIT_2)
    wrong.append(expect_error(BrokenPipeError, mine.call, "send", question))
    got = new_path()
    receiving = mine.begin("receive", got, 1 << 40)
    theirs.sendall(data.read_bytes())
    theirs.shutdown(socket.SHUT_WR)
    result(receiving, 20, "receiving")
    return wrong + [same("the answer", got, data)]


@with_pairs
def both_close_their_halves_and_pending_text_arrives(theirs, mine, _, data):
    got = new_path()
    sending, receiving = mine.begin("send", data), mine.begin("receive", got, 1 << 40)
    theirs_got = in_background(receive, theirs)
    theirs.sendall(data.read_bytes())
    theirs.shutdown(socket.SHUT_WR)
    result(sending, 20, "sending")
    mine.shutdown()
    result(receiving, 20, "receiving")
    return [same("what we received", got, data), same("what the kernel received", theirs_got.result(20), data)]


# ---- resets ----

@with_pairs
def a_reset_by_the_kernel_is_told_once(theirs, mine, _, data):
    receiving = mine.begin("receive", new_path(), 1)
    linger_zero(theirs)
    theirs.close()
    wrong = [expect_error(ConnectionResetError, result, receiving, 5, "receiving")]
    return wrong + [wanted("the next read", mine.call("receive", new_path(), 1), 0),
                    expect_error(BrokenPipeError, mine.call, "send", data), wanted("state", mine.call("state"), CLOSE)]


@with_pairs
def a_reset_by_us_reaches_the_kernel(theirs, mine, remote, _):
    blocked = in_background(theirs.recv, 1)
    mine.abort()
    return [expect_error(ConnectionResetError, blocked.result, 5),
            expect_error(BrokenPipeError, theirs.send, b"x")]


@with_pairs
def our_close_with_unread_text_is_a_reset(theirs, mine, _, __):
    """RFC 9293 section 3.6.1 (SHLD-3)"""
    theirs.sendall(bytes(1000))
    netns.wait_until(lambda: mine.call("readable") == 1000, 5, "text arrives")
    mine.close()
    return [expect_error(ConnectionResetError, theirs.recv, 1)]


@with_pairs
def the_kernels_close_with_unread_text_is_a_reset(theirs, mine, _, __):
    mine.call("send", make_file(1000))
    wait_for_text(theirs, 1000)
    theirs.close()
    return [expect_error(ConnectionResetError, mine.call, "receive", new_path(), 1)]


@with_pairs
def text_for_a_closed_socket_is_answered_by_a_reset(theirs, mine, _, data):
    """RFC 9293 section 3.10.7.4: nobody is left to read it."""
    mine.close()
    wrong = [wanted("the kernel reads", theirs.recv(1), b"")]
    theirs.send(b"more")
    netns.wait_until(lambda: theirs.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (errno.EPIPE, errno.ECONNRESET), 5,
                     "the kernel's socket is reset")
    return wrong


# ---- refused ----

def a_closed_port_of_ours_refuses_at_once(_, ours, *__):
    return expect_error(ConnectionRefusedError, connect, ours, CLOSED_PORT, 1)


def a_closed_port_of_the_kernels_refuses_at_once(kernel, _, remote, __):
    mine = remote.socket(kernel)
    opening = mine.begin("connect", kernel, CLOSED_PORT)
    wrong = [expect_error(ConnectionRefusedError, result, opening, 1, "connecting")]
    with listen(kernel) as listener:   # the socket is as new
        mine.call("connect", *listener.getsockname()[:2])
        accept(listener).close()
    mine.close()
    return wrong


def a_listener_that_has_closed_refuses(_, ours, remote, __):
    listener = remote.listen(ours)
    port = listener.port()
    waiting = connect(ours, port)   # established, and never accepted
    listener.close()
    return [expect_error(ConnectionResetError, waiting.recv, 1), expect_error(ConnectionRefusedError, connect, ours, port, 1)]


# ---- exit ----

def exits(kernel, data, env, buffer=None):
    """The kernel's socket, which does not read yet, and our program, which has sent it `data` and leaves main()."""
    program = Remote(env)
    with listen(kernel) as listener:
        if buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        mine = program.socket(kernel)
        mine.call("set", int(socket.SOL_SOCKET), int(socket.SO_SNDBUF), 2 * MIB)
        mine.call("connect", *listener.getsockname()[:2])
        theirs = accept(listener)
    mine.call("send", data)
    program.leave()
    return theirs, program


def what_was_sent_before_exit_arrives(kernel, _, ours, data):
    """... though the kernel has closed its window when the program leaves main()."""
    theirs, program = exits(kernel, data, {}, buffer=16384)
    with theirs:
        got = receive(theirs)
    return [same("what arrives", got, data), wanted("status", program.wait(10), 0)]


def exit_does_not_wait_for_ever(kernel, _, ours, data):
    theirs, program = exits(kernel, data, {"TUNIC_LINGER": "1"}, buffer=16384)
    with theirs:
        return wanted("status", program.wait(3), 0)


TESTS = [the_kernel_closes_its_half_first, we_close_our_half_first, both_close_their_halves_and_pending_text_arrives,
         a_reset_by_the_kernel_is_told_once, a_reset_by_us_reaches_the_kernel, our_close_with_unread_text_is_a_reset,
         the_kernels_close_with_unread_text_is_a_reset, text_for_a_closed_socket_is_answered_by_a_reset,
         a_closed_port_of_ours_refuses_at_once, a_closed_port_of_the_kernels_refuses_at_once,
         a_listener_that_has_closed_refuses]
LEAVING = [what_was_sent_before_exit_arrives, exit_does_not_wait_for_ever]


def main():
    name = "ends"
    netns.isolate_test(name)
    netns.make_tun()
    report = Report()
    data = make_file(MIB)
    remote = Remote()
    run_all(report, name, TESTS, remote, data)
    report.check(f"{name}: the program ends well", wanted("status", remote.stop(), 0))
    run_all(report, name, LEAVING, None, data)
    sys.exit(report.finish())


main()
