#!/usr/bin/env python3
"""http_client on our stack against servers on the kernel's side: whole files, every way a body can end, and every error."""

import functools
import hashlib
import http.server
import os
import pathlib
import pty
import re
import signal
import socket
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from netns import Failure  # noqa: E402
from results import Report  # noqa: E402

FAMILIES = (("IPv4", netns.KERNEL_V4, netns.STACK_V4), ("IPv6", netns.KERNEL_V6, netns.STACK_V6))
FILES, CANNED, REFUSED = 8000, 8001, 8002
SITE = netns.FOLDER / "site"
GOT = netns.FOLDER / "got"
CLIENT = netns.BUILD / "bin/http_client"

ANSWERS = {   # what the server of canned answers says to a path, to the octet
    "/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nX: y\r\n\r\n",
    "/until-close": b"HTTP/1.0 200 OK\r\n\r\nto the end",
    "/empty": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "/no-content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "/interim": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate",
    "/short": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
    "/short-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "/short-header": b"HTTP/1.1 200 OK\r\nContent-Le",
    "/nothing": b"",
    "/not-http": b"SSH-2.0-other\r\n\r\n",
    "/failed": b"HTTP/1.1 500 Sorry\r\nContent-Length: 3\r\n\r\nabc",
    "/moved": b"HTTP/1.1 301 Moved\r\nLocation: ./a/../chunked\r\nContent-Length: 0\r\n\r\n",
    "/round": b"HTTP/1.1 302 Found\r\nLocation: /round\r\nContent-Length: 0\r\n\r\n",
    "/elsewhere": b"HTTP/1.1 302 Found\r\nLocation: https://example.net/\r\nContent-Length: 0\r\n\r\n",
}


class CannedServer:
    """Answers each connection by its path; remembers the requests. /stuck is never answered."""

    def __init__(self, address):
        self.requests, self.stuck, self.asked = [], [], threading.Event()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.create_server((address, CANNED), family=family)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.socket.accept()
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                request += connection.recv(4096)
            self.requests.append(request.decode())
            path = request.split()[1].decode()
            if path == "/stuck":
                self.stuck.append(connection)
                self.asked.set()
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answer = ANSWERS[path.partition("?")[0]]
            for i in range(len(answer)):   # each octet alone, as far as TCP goes
                connection.send(answer[i:i + 1])
            connection.close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class FileServer(http.server.ThreadingHTTPServer):
    def __init__(self, address):
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, FILES), functools.partial(QuietHandler, directory=str(SITE)))
        threading.Thread(target=self.serve_forever, daemon=True).start()


def url(address, port, path):
    return f"http://[{address}]:{port}{path}" if ":" in address else f"http://{address}:{port}{path}"


def client(*arguments, env=None):
    done = subprocess.run([CLIENT, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60, env={**os.environ, **netns.STACK, **(env or {})})
    return done.returncode, done.stdout, done.stderr.decode()


def wanted(what, is_, should):
    return "" if is_ == should else f"{what} is {is_!r}, not {should!r}"


def sentence(said, status, *words):
    """Whether the client ended with `status` and, last, one sentence that holds `words`."""
    code, _, errors = said
    last = errors.splitlines()[-1] if errors else ""
    missing = [word for word in words if word not in last]
    return wanted("status", code, status) or (f"{missing} is not in '{last}'" if missing else "")


# ---- the tests: each returns what is wrong ----

def large_file(address, stack, _):
    code, said, errors = client(url(address, FILES, "/large.bin"), "-o", GOT)
    same = code == 0 and hashlib.sha256(GOT.read_bytes()).digest() == hashlib.sha256((SITE / "large.bin").read_bytes()).digest()
    ends = re.match(r"http_client (\S+):\d+ connected to (\S+)\n", said.decode())
    shown = tuple(f"[{a}]" if ":" in a else a for a in (stack, address))
    return [errors or "the file arrived changed" if not same else "",
            wanted("its line", ends and (ends[1], ends[2]), (shown[0], f"{shown[1]}:{FILES}"))]


def page_on_standard_output(address, *_):
    code, page, errors = client(url(address, FILES, "/small.txt"))
    return [wanted("status", code, 0), wanted("page", page, b"small\n"), "" if "connected to" in errors else "no line on stderr"]


def ends_of_bodies(address, *_):
    wrong = []
    for path, body in (("/chunked", b"hello world"), ("/until-close", b"to the end"), ("/empty", b""), ("/no-content", b""),
                       ("/interim", b"late"), ("/moved", b"hello world")):
        code, page, errors = client(url(address, CANNED, path))
        if (code, page) != (0, body):
            wrong.append(f"{path} gives {code}, {page!r} and '{errors}'")
    return wrong


def short_bodies(address, *_):
    return [sentence(client(url(address, CANNED, path)), 1, words) for path, words in
            (("/short", "ended early, after 5"), ("/short-chunk", "ended early"), ("/short-header", "before its answer was complete"),
             ("/nothing", "before its answer was complete"))]


def errors(address, *_):
    GOT.write_text("old")
    return [sentence(client(url(address, CANNED, "/failed"), "-o", GOT), 1, "500 Sorry", "/failed"),
            wanted("the old file", GOT.read_text(), "old"),
            sentence(client(url(address, FILES, "/none")), 1, "404"),
            sentence(client(url(address, CANNED, "/not-http")), 1, "is not HTTP"),
            sentence(client(url(address, CANNED, "/round")), 1, "5 redirections"),
            sentence(client(url(address, CANNED, "/elsewhere")), 1, "TLS"),
            sentence(client(url(address, REFUSED, "/")), 1, "cannot connect", "Connection refused"),
            sentence(client(url(address, FILES, "/small.txt"), "-o", "/proc/none"), 1, "cannot write /proc/none"),
            sentence(client("-6" if "." in address else "-4", url(address, FILES, "/")), 1, "cannot find an address")]


def request(address, _, canned):
    client(url(address, CANNED, "/x/../chunked?a b\n#part"))
    got = canned.requests[-1]
    host = f"[{address}]:{CANNED}" if ":" in address else f"{address}:{CANNED}"
    return [wanted("its first line", got.split("\r\n")[0], "GET /chunked?a%20b%0A HTTP/1.1"),
            "" if f"\r\nHost: {host}\r\n" in got else f"no Host: {host} in {got!r}"]


def interrupted(address, _, canned):
    """A server that does not answer: Ctrl-C ends the client, and the connection with it."""
    canned.asked.clear()
    running = netns.Program([CLIENT, url(address, CANNED, "/stuck")])
    if not canned.asked.wait(5):
        raise Failure("the server was not asked")
    running.process.send_signal(signal.SIGINT)
    status = running.process.wait(10)
    peer = canned.stuck.pop()
    peer.settimeout(5)
    return [wanted("status", status, 1), wanted("the server reads", peer.recv(1), b"")]


def progress_bar(address, *_):
    """On a terminal there is a bar, and it is gone in the end."""
    ours, its = pty.openpty()
    running = subprocess.Popen([CLIENT, url(address, FILES, "/large.bin"), "-o", GOT], stdout=subprocess.DEVNULL, stderr=its,
                               env={**os.environ, **netns.STACK})
    os.close(its)
    drawn = b""
    try:
        while block := os.read(ours, 65536):
            drawn += block
    except OSError:   # how a terminal says that nobody is left on the other side
        pass
    os.close(ours)
    return [wanted("status", running.wait(60), 0), "" if re.search(rb"\r\[[#.]+\] +\d+%.*/s", drawn) else f"no bar in {drawn!r}",
            "" if drawn.endswith(b" \r") else "the bar is still there"]


TESTS = [large_file, page_on_standard_output, ends_of_bodies, short_bodies, errors, request, interrupted, progress_bar]


def main():
    name = "http_client"
    netns.isolate_test(name)
    netns.make_tun()
    SITE.mkdir()
    (SITE / "large.bin").write_bytes(os.urandom(64 << 20))
    (SITE / "small.txt").write_text("small\n")
    report = Report()
    for family, address, stack in FAMILIES:
        canned = CannedServer(address)
        FileServer(address)
        for test in TESTS:
            title = f"{name}: {test.__name__.replace('_', ' ')}, {family}"
            try:
                report.check(title, [w for w in test(address, stack, canned) if w])
            except (Failure, OSError, LookupError, subprocess.TimeoutExpired) as error:
                report.not_ok(title, repr(error))
    for bad, words in (("ftp://x/", "http://"), ("https://x/", "TLS"), ("http://", "no host"), ("http://[fd00::1/", "]"),
                       ("http://x:0/", "port"), ("http://x:65536/", "port"), ("http://me@x/", "user name"),
                       ("http://host.invalid/", "cannot find an address")):
        report.check(f"{name}: {bad} is refused", sentence(client(bad), 1, words))
    sys.exit(report.finish())


main()
