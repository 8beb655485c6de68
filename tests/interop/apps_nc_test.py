#!/usr/bin/env python3
"""nc on our stack against the kernel's sockets: both directions, TCP and UDP, both families, as client and listening."""

import os
import pathlib
import socket
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from kernel_side import FAMILIES, SECONDS, listen, run_test, same, wanted  # noqa: E402
from results import Report  # noqa: E402

NC = netns.BUILD / "bin/nc"
PORT = 5100
MIB = 1 << 20


class Nc:
    """A running nc whose input and output are ours."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([NC, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env={**os.environ, **netns.STACK})

    def until_listening(self):
        line = self.process.stderr.readline().decode()
        if "listening on" not in line:
            raise netns.Failure(f"nc -l says '{line.strip()}'")
        return self

    def talk(self, text=b""):
        """(status, what it printed, what it complained of) after its input was `text` and its end."""
        try:
            out, errors = self.process.communicate(text, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            return None, b"", "it ran on"
        return self.process.returncode, out, errors.decode().strip()

    def end(self):
        self.process.terminate()
        return self.talk()


def receive_all(s):
    got = bytearray()
    while block := s.recv(MIB):
        got += block
    return bytes(got)


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def connects(theirs, ours):
    """What goes in comes out at the kernel's end, to the end of the stream, and its answer comes back."""
    up, down = os.urandom(8 * MIB), os.urandom(8 * MIB)
    with listen(theirs) as listener:
        nc = Nc(theirs, listener.getsockname()[1])
        peer, _ = listener.accept()
        peer.settimeout(SECONDS)
        with peer:
            received = []
            reader = threading.Thread(target=lambda: received.append(receive_all(peer)))
            reader.start()

            def answer():
                peer.sendall(down)
                reader.join()
                peer.shutdown(socket.SHUT_WR)
            answerer = threading.Thread(target=answer)
            answerer.start()
            status, out, errors = nc.talk(up)
            answerer.join()
        return [wanted("status", (status, errors), (0, "")), same("up", received[0], up), same("down", out, down)]


def listens(theirs, ours):
    nc = Nc("-l", ours, PORT).until_listening()
    with socket.create_connection((ours, PORT), timeout=SECONDS) as s:
        nc.process.stdin.write(b"nc\n")
        nc.process.stdin.flush()
        s.sendall(b"who is there?\n")
        s.shutdown(socket.SHUT_WR)
        status, out, errors = nc.talk()
        return [wanted("status", (status, errors), (0, "")), wanted("heard", out, b"who is there?\n"),
                wanted("said", receive_all(s), b"nc\n")]


def is_refused(theirs, ours):
    status, out, errors = Nc(theirs, 9).talk()
    return wanted("end", (status, out, "Connection refused" in errors and errors.startswith("nc: cannot connect to")), (1, b"", True))


def sends_datagrams(theirs, ours):
    with socket.socket(family_of(theirs), socket.SOCK_DGRAM) as s:
        s.bind((theirs, 0))
        s.settimeout(SECONDS)
        nc = Nc("-u", "-w", 1, theirs, s.getsockname()[1])
        nc.process.stdin.write(b"one datagram")
        nc.process.stdin.flush()
        text, peer = s.recvfrom(100)
        s.sendto(b"its answer", peer)
        status, out, errors = nc.talk()
        return [wanted("heard", text, b"one datagram"), wanted("said", (status, out, errors), (0, b"its answer", ""))]


def listens_for_datagrams(theirs, ours):
    nc = Nc("-l", "-u", ours, PORT).until_listening()
    with socket.socket(family_of(ours), socket.SOCK_DGRAM) as s:
        s.settimeout(SECONDS)
        s.connect((ours, PORT))
        s.send(b"first")
        heard = os.read(nc.process.stdout.fileno(), 100)
        nc.process.stdin.write(b"answer")
        nc.process.stdin.flush()
        text = s.recv(100)
        status, _, errors = nc.end()
        return [wanted("heard", heard, b"first"), wanted("said", text, b"answer"), wanted("end by a signal", (status, errors), (0, ""))]


def is_refused_datagrams(theirs, ours):
    """A closed port answers with an ICMP error, which ends it."""
    nc = Nc("-u", theirs, 9)
    status, _, errors = nc.talk(b"anybody?")
    return wanted("end", (status, "Connection refused" in errors), (1, True))


def main():
    name = "nc"
    netns.isolate_test(name)
    netns.make_tun()
    report = Report()
    for family, theirs, ours in FAMILIES:
        for test in (connects, listens, is_refused, sends_datagrams, listens_for_datagrams, is_refused_datagrams):
            run_test(report, f"{name}: {test.__name__.replace('_', ' ')}, {family}", test, theirs, ours)
    sys.exit(report.finish())


main()
