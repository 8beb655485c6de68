#!/usr/bin/env python3
"""Much data and many connections between our stack and the kernel, opened by either side: every octet arrives, nobody is
turned away."""

import asyncio
import hashlib
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from kernel_side import (MIB, accept, connect, counter, in_background, listen, make_file, new_path,  # noqa: E402
                         receive, run_all, same, wanted)
from remote import Remote, result  # noqa: E402
from results import Report  # noqa: E402

HTTP, ECHO = 8080, 5003
CONNECTIONS, PART = 200, 64 << 10
SITE = netns.FOLDER / "site"


# ---- 64 MiB ----

def send_and_end(s, data):
    s.sendall(data)
    s.close()


def to_us(theirs, ours_socket, data):
    """The kernel sends the file, we receive it."""
    got = new_path()
    sending = in_background(send_and_end, theirs, data.read_bytes())
    ours_socket.call("receive", got, 1 << 40)
    ours_socket.close()
    sending.result()
    wrong = same("what we received", got, data)
    got.unlink()
    return wrong


def from_us(theirs, ours_socket, data):
    sending = ours_socket.begin("send", data)
    got = in_background(receive, theirs)
    result(sending, 20, "sending")
    ours_socket.close()
    return same("what the kernel received", got.result(), data)


def opened_by_the_kernel(ours, remote):
    listener = remote.listen(ours)
    theirs = connect(ours, listener.port())
    accepted = listener.accept()
    listener.close()
    return theirs, accepted


def opened_by_us(kernel, remote):
    with listen(kernel) as listener:
        ours_socket = remote.connect(listener.getsockname()[:2])
        return accept(listener), ours_socket


def the_kernel_opens_and_sends(_, ours, remote, data):
    return to_us(*opened_by_the_kernel(ours, remote), data)


def the_kernel_opens_and_receives(_, ours, remote, data):
    return from_us(*opened_by_the_kernel(ours, remote), data)


def we_open_and_receive(kernel, _, remote, data):
    return to_us(*opened_by_us(kernel, remote), data)


def we_open_and_send(kernel, _, remote, data):
    return from_us(*opened_by_us(kernel, remote), data)


def both_ways_at_once(_, ours, remote, data):
    theirs, ours_socket = opened_by_the_kernel(ours, remote)
    got = new_path()
    receiving = ours_socket.begin("receive", got, data.stat().st_size)
    sending = ours_socket.begin("send", data)
    theirs_sending = in_background(theirs.sendall, data.read_bytes())
    theirs_got = receive(theirs, data.stat().st_size)
    theirs_sending.result()
    result(sending, 20, "sending"), result(receiving, 20, "receiving")
    theirs.close()
    ours_socket.close()
    wrong = [same("what we received", got, data), same("what the kernel received", theirs_got, data)]
    got.unlink()
    return wrong


# ---- curl ----

def curl(ours, name):
    host = f"[{ours}]" if ":" in ours else ours
    to = new_path()
    return to, subprocess.Popen(["curl", "-sS", "--max-time", "30", "-o", to, f"http://{host}:{HTTP}/{name}"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def curl_one_file(_, ours, *__):
    to, running = curl(ours, "large")
    said, _ = running.communicate()
    return said or same("the file", to, SITE / "large")


def curl_16_files_at_once(_, ours, *__):
    running = [(i, *curl(ours, f"part{i}")) for i in range(16)]
    said = [process.communicate()[0] for _, _, process in running]
    return [s for s in said if s] or [same(f"file {i}", to, SITE / f"part{i}") for i, to, _ in running]


# ---- 200 connections ----

def resets():
    return [counter("TcpExt", "ListenOverflows"), counter("Tcp", "EstabResets"), counter("Tcp", "AttemptFails")]


async def echoed(ours, data, all_there):
    """Says whether `data` came back, and then the end; nobody sends before all are connected."""
    reader, writer = await asyncio.open_connection(ours, ECHO)
    await all_there()

    async def send():
        writer.write(data)
        await writer.drain()
        writer.write_eof()

    sending = asyncio.create_task(send())
    got = await reader.read(-1)
    await sending
    writer.close()
    return hashlib.sha256(got).digest() == hashlib.sha256(data).digest()


def meeting(size):
    """A coroutine function that returns when `size` have called it."""
    there, complete = 0, asyncio.Event()

    async def arrive():
        nonlocal there
        there += 1
        if there == size:
            complete.set()
        await complete.wait()

    return arrive


def the_kernel_opens_200(_, ours, *__):
    before = resets()

    async def all_of_them():
        all_there = meeting(CONNECTIONS)
        clients = [echoed(ours, os.urandom(PART), all_there) for _ in range(CONNECTIONS)]
        return await asyncio.wait_for(asyncio.gather(*clients, return_exceptions=True), 30)

    answers = asyncio.run(all_of_them())
    bad = [a for a in answers if a is not True]
    return [f"{len(bad)} connections failed, one by {bad[0]!r}" if bad else "",
            wanted("overflows, resets and failed attempts", resets(), before)]


def we_open_200(kernel, _, remote, __):
    listener = listen(kernel)

    def echo(s):
        with s:
            s.sendall(receive(s))

    to = listener.getsockname()[:2]
    echoing = [in_background(lambda: echo(accept(listener))) for _ in range(CONNECTIONS)]
    clients = [remote.socket(kernel) for _ in range(CONNECTIONS)]
    for opening in [c.begin("connect", *to) for c in clients]:
        result(opening, 20, "connecting")
    ports = {c.port() for c in clients}
    files = [make_file(PART) for _ in clients]
    sending = [c.begin("send", f) for c, f in zip(clients, files)]
    for s, c in zip(sending, clients):
        result(s, 20, "sending")
        c.shutdown()
    got = [new_path() for _ in clients]
    for receiving in [c.begin("receive", g, 1 << 40) for c, g in zip(clients, got)]:
        result(receiving, 20, "receiving")
    for c in clients:
        c.close()
    for e in echoing:
        e.result(20)
    listener.close()
    return [wanted("different ports", len(ports), CONNECTIONS)] + [same("an echo", g, f) for g, f in zip(got, files)]


TESTS = [the_kernel_opens_and_sends, the_kernel_opens_and_receives, we_open_and_send, we_open_and_receive, both_ways_at_once]
CURL = [curl_one_file, curl_16_files_at_once]


def main():
    name = "transfers"
    netns.isolate_test(name)
    netns.make_tun()
    SITE.mkdir()
    data = make_file(64 * MIB)
    os.link(data, SITE / "large")
    for i in range(16):
        (SITE / f"part{i}").write_bytes(os.urandom(4 * MIB))
    report = Report()
    remote = Remote()
    run_all(report, name, TESTS + [we_open_200], remote, data)
    report.check(f"{name}: the program ends well", wanted("status", remote.stop(), 0))
    server = netns.Program([netns.BUILD / "bin/http_server", "--port", HTTP, SITE], ready="listening")
    run_all(report, name, CURL)
    server.stop()
    services = netns.Program([netns.BUILD / "bin/services", "--echo", ECHO], ready="listening")
    run_all(report, name, [the_kernel_opens_200])
    services.stop()
    sys.exit(report.finish())


main()
