#!/usr/bin/env python3
"""http_server on our stack, asked by the kernel's curl and sockets: RFC 9110 and 9112 as far as it promises them."""

import hashlib
import os
import pathlib
import re
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from netns import Failure  # noqa: E402
from results import Report  # noqa: E402

PORT = 8080
FAMILIES = (("IPv4", netns.STACK_V4), ("IPv6", netns.STACK_V6))
SITE = netns.FOLDER / "site"
SMALL = b"0123456789" * 10
LARGE = 8 << 20


def make_site():
    (SITE / "folder").mkdir(parents=True)
    (SITE / "page").mkdir()
    (SITE / "page/index.html").write_text("<h1>index</h1>")
    (SITE / "small.txt").write_bytes(SMALL)
    (SITE / "large.bin").write_bytes(os.urandom(LARGE))
    (SITE / "empty").touch()
    (SITE / "folder/a&b <c> \"d\" #e%.html").write_text("odd")
    (SITE / "folder/Z").write_text("zz")
    (SITE / "folder/inner").mkdir()
    (SITE / "outside").symlink_to("/etc/hostname")
    (SITE / "upwards").symlink_to("..")
    (SITE / "inside").symlink_to("small.txt")
    os.mkfifo(SITE / "pipe")
    (netns.FOLDER / "secret").write_text("not for the network")


def base(address):
    return f"http://[{address}]:{PORT}" if ":" in address else f"http://{address}:{PORT}"


def curl(address, path, *options):
    """Status, fields by lower-case name, body."""
    out = subprocess.run(["curl", "-q", "-sS", "-i", "--globoff", "--path-as-is", "--noproxy", "*", "--max-time", "20", *options,
                          base(address) + path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if out.returncode != 0:
        raise Failure(f"curl {path}: {out.stderr.decode().strip()}")
    head, _, body = out.stdout.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}, body


def connect(address):
    return socket.create_connection((address, PORT), timeout=20)


def raw(address, request):
    """The statuses of all answers on one connection, and the octets that came."""
    with connect(address) as s:
        s.sendall(request)
        s.shutdown(socket.SHUT_WR)
        got = b""
        while block := s.recv(65536):
            got += block
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", got)], got


def wanted(what, is_, should):
    return "" if is_ == should else f"{what} is {is_!r}, not {should!r}"


# ---- the tests: each returns what is wrong ----

def files(address):
    status, fields, body = curl(address, "/small.txt")
    wrong = [wanted("status", status, 200), wanted("body", body, SMALL),
             wanted("type", fields["content-type"], "text/plain; charset=utf-8"), wanted("length", fields["content-length"], "100")]
    for field in ("date", "last-modified"):
        if not re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", fields.get(field, "")):
            wrong.append(f"{field} is {fields.get(field)!r}")
    body = curl(address, "/large.bin")[2]
    same = hashlib.sha256(body).digest() == hashlib.sha256((SITE / "large.bin").read_bytes()).digest()
    return wrong + ["" if same else "large.bin arrived changed", wanted("empty", curl(address, "/empty")[2], b""),
                    wanted("link inside", curl(address, "/inside")[2], SMALL),
                    wanted("absolute form", raw(address, b"GET http://x/empty HTTP/1.1\r\nHost: x\r\n\r\n")[0], [200])]


def head_has_the_fields_of_get(address):
    get, head = curl(address, "/small.txt"), curl(address, "/small.txt", "-I")
    for fields in (get[1], head[1]):
        fields.pop("date")
    return [wanted("status", head[0], 200), wanted("fields", head[1], get[1]), wanted("body", head[2], b"")]


def ranges(address):
    wrong = []
    for asked, part in (("0-0", slice(0, 1)), ("10-19", slice(10, 20)), ("90-", slice(90, 100)), ("-7", slice(93, 100)),
                        ("50-1000", slice(50, 100)), ("-1000", slice(0, 100)), ("0-99999999999999999999", slice(0, 100))):
        status, fields, body = curl(address, "/small.txt", "-H", f"Range: bytes={asked}")
        wrong += [wanted(f"{asked} status", status, 206), wanted(asked, body, SMALL[part]),
                  wanted(f"{asked} says", fields.get("content-range"), f"bytes {part.start}-{part.stop - 1}/100")]
    for asked in ("100-", "100-200", "-0"):
        status, fields, _ = curl(address, "/small.txt", "-H", f"Range: bytes={asked}")
        wrong += [wanted(f"{asked} status", status, 416), wanted(asked, fields.get("content-range"), "bytes */100")]
    for asked in ("bytes=5-4", "bytes=x-1", "bytes=1-2,5-6", "bytes=-", "bytes=1", "lines=1-2"):   # RFC 9110 §14.2: may be ignored
        status, _, body = curl(address, "/small.txt", "-H", f"Range: {asked}")
        wrong += [wanted(f"{asked} status", status, 200), wanted(asked, body, SMALL)]
    wrong.append(wanted("empty file", curl(address, "/empty", "-r", "0-")[0], 416))
    return wrong


def if_range(address):
    fields = curl(address, "/small.txt")[1]
    answers = {value: curl(address, "/small.txt", "-r", "1-2", "-H", f"If-Range: {value}")[0]
               for value in (fields["etag"], fields["last-modified"], '"other"', "Sun, 06 Nov 1994 08:49:37 GMT")}
    return wanted("statuses", list(answers.values()), [206, 206, 200, 200])


def directories(address):
    status, fields, page = curl(address, "/folder/")
    page = page.decode()
    wrong = [wanted("status", status, 200), wanted("type", fields["content-type"], "text/html; charset=utf-8")]
    links = re.findall(r'href="([^"]*)"', page)
    wrong += [wanted("links", links, ["../", "./inner/", "./Z", "./a%26b%20%3Cc%3E%20%22d%22%20%23e%25.html"])]
    wrong += ["" if text in page else f"no {text} in the page"
              for text in ("a&amp;b &lt;c&gt; &quot;d&quot; #e%.html", "<td>2<td>")]
    root = curl(address, "/")[2].decode()
    wrong += [f"the page offers {name}" for name in ("outside", "upwards", "pipe") if f"./{name}" in root]
    return wrong + [wanted("odd name", curl(address, "/folder/" + links[3][2:])[2], b"odd"),
                    wanted("index", curl(address, "/page/")[2], b"<h1>index</h1>"),
                    wanted("without slash", (curl(address, "/page")[0], curl(address, "//page")[1]["location"]), (301, "/page/"))]


def nothing_outside(address):
    paths = ("/../secret", "/%2e%2e/secret", "/..%2fsecret", "/folder/../../secret", "/outside", "/upwards/secret", "/upwards/")
    return [wanted(path, curl(address, path)[0], 403) for path in paths]


def errors(address):
    wrong = [wanted(path, curl(address, path)[0], status) for path, status in
             (("/none", 404), ("/small.txt/", 404), ("/%", 400), ("/%4", 400), ("/%zz", 400), ("/a%00b", 400), ("/pipe", 403),
              ("/" + "n" * 300, 404))]
    status, fields, _ = curl(address, "/small.txt", "-X", "DELETE")
    wrong += [wanted("DELETE", (status, fields.get("allow")), (405, "GET, HEAD")),
              wanted("unknown method", curl(address, "/", "-X", "BREW")[0], 501),
              wanted("POST", curl(address, "/small.txt", "-d", "x=1")[0], 405),
              wanted("large body", curl(address, "/", "-X", "GET", "-d", "x" * 100_000)[0], 413),
              wanted("large header", curl(address, "/", "-H", "X: " + "x" * 20_000)[0], 431)]
    for request, status in ((b"hello\r\n\r\n", 400), (b"GET / HTTP/1.1\r\n\r\n", 400), (b"GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
                            (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400), (b"GET / HTTP/3.0\r\n\r\n", 505)):
        wrong.append(wanted(repr(request), raw(address, request)[0], [status]))
    return wrong


def connections_are_kept(address):
    out = netns.run(["curl", "-q", "-sS", "--globoff", "--noproxy", "*", "--max-time", 20, "-o", "/dev/null", "-o", "/dev/null",
                     "-o", "/dev/null", "-w", "%{num_connects}", *(base(address) + p for p in ("/small.txt", "/none", "/folder/"))])
    wrong = [wanted("connections for each of three requests", out, "100")]
    get = b"GET /%s HTTP/1.1\r\nHost: x\r\n%s\r\n"
    pipelined = b"".join(get % (name, b"") for name in (b"empty", b"none", b"small.txt") * 20)
    wrong.append(wanted("60 pipelined requests", raw(address, pipelined)[0], [200, 404, 200] * 20))
    wrong.append(wanted("after Connection: close", raw(address, get % (b"empty", b"Connection: close\r\n") + get % (b"", b""))[0], [200]))
    wrong.append(wanted("HTTP/1.0", raw(address, b"GET /empty HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n")[0], [200]))
    kept = raw(address, b"GET /empty HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2)
    wrong.append(wanted("HTTP/1.0 kept", (kept[0], kept[1].count(b"Connection: keep-alive")), ([200, 200], 2)))
    return wrong


def request_in_pieces(address):
    with connect(address) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in b"\r\nGET /small.txt HTTP/1.1\r\nHost: x\r\n\r\n":
            s.sendall(bytes([octet]))
        got = b""
        while not got.endswith(SMALL):
            block = s.recv(4096)
            if not block:
                return "the connection ended early"
            got += block
    return ""


def many_at_once(address):
    """200 connections are open at the same time, and each gets its answer after all of them have asked."""
    clients = [connect(address) for _ in range(200)]
    for i, s in enumerate(clients):
        s.sendall(b"GET /small.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=%d-%d\r\nConnection: close\r\n\r\n" % (i % 100, i % 100))
    wrong = 0
    for i, s in enumerate(clients):
        got = b""
        while block := s.recv(4096):
            got += block
        wrong += not (got.startswith(b"HTTP/1.1 206 ") and got.endswith(b"\r\n\r\n" + SMALL[i % 100:i % 100 + 1]))
        s.close()
    return f"{wrong} of 200 answers are wrong" if wrong else ""


def parallel_large(address):
    """16 curls fetch the large file at the same time."""
    commands = [subprocess.Popen(["curl", "-q", "-sS", "--globoff", "--noproxy", "*", "--max-time", "60", base(address) + "/large.bin"],
                                 stdout=subprocess.PIPE) for _ in range(16)]
    should = hashlib.sha256((SITE / "large.bin").read_bytes()).digest()
    same = [hashlib.sha256(c.communicate()[0]).digest() == should for c in commands]
    return wanted("right copies", sum(same), 16)


def stopped_reader(address):
    """A client that does not read holds up nobody, and gets all of it when it reads again."""
    slow = connect(address)
    slow.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    others = [wanted("another client", curl(address, "/small.txt")[2], SMALL) for _ in range(5)]
    got = b"".join(iter(lambda: slow.recv(1 << 20), b""))
    slow.close()
    same = got.partition(b"\r\n\r\n")[2] == (SITE / "large.bin").read_bytes()
    return others + ["" if same else "the slow client got something else"]


def gone_clients(address):
    """Clients that leave in the middle, by FIN or by reset, harm nobody."""
    for i in range(20):
        s = connect(address)
        s.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        s.recv(1000)
        if i % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        s.close()
    return wanted("afterwards", curl(address, "/small.txt")[2], SMALL)


def few_descriptors():
    """With room for a few clients only, 100 that come at once are served one after the other, and none is lost."""
    program = netns.BUILD / "bin/http_server"
    few = netns.Program(["sh", "-c", f"ulimit -n 40; exec {program} --port {PORT} {SITE}"], ready="http_server listening on")
    clients = [connect(netns.STACK_V4) for _ in range(100)]
    for s in clients:
        s.sendall(b"GET /small.txt HTTP/1.0\r\n\r\n")
    right = 0
    for s in clients:
        got = b"".join(iter(lambda: s.recv(4096), b""))
        right += got.endswith(b"\r\n\r\n" + SMALL)
        s.close()
    return [w for w in (wanted("right answers", right, 100), wanted("status", few.stop(), 0)) if w]


TESTS = [files, head_has_the_fields_of_get, ranges, if_range, directories, nothing_outside, errors, connections_are_kept,
         request_in_pieces, many_at_once, parallel_large, stopped_reader, gone_clients]


def log_has_pairs(server):
    wrong = []
    for _, address in FAMILIES:
        with connect(address) as s:
            here, port = s.getsockname()[:2]
            s.sendall(b"GET /a\x1b%0A HTTP/1.1\r\nHost: x\r\n\r\n" if ":" in address else b"GET /%0Ax HTTP/1.1\r\nHost: x\r\n\r\n")
            s.recv(1000)
        near, far = (f"[{a}]" if ":" in a else a for a in (address, here))
        lines = [m[0] for m in server.find(r"^pair .*$") if m[0].endswith(f":{port}")]
        wrong.append(wanted("pair", lines[-1:], [f"pair local {near}:{PORT} remote {far}:{port}"]))
    return wrong


def main():
    name = "http_server"
    netns.isolate_test(name)
    netns.make_tun()
    make_site()
    report = Report()
    server = netns.Program([netns.BUILD / "bin/http_server", "--port", PORT, "--log", SITE], ready="http_server listening on")
    report.check(f"{name}: says where it listens", wanted("line", server.lines[0], f"http_server listening on [::]:{PORT}"))
    for family, address in FAMILIES:
        for test in TESTS:
            title = f"{name}: {test.__name__.replace('_', ' ')}, {family}"
            try:
                wrong = test(address)
                report.check(title, [w for w in wrong if w] if isinstance(wrong, list) else wrong)
            except (Failure, OSError, LookupError, ValueError) as error:
                report.not_ok(title, repr(error))
            server.find("^pair ")   # a full pipe would stop it
    report.check(f"{name}: log shows both families' pairs", [w for w in log_has_pairs(server) if w])
    report.check(f"{name}: SIGTERM ends it", wanted("status", server.stop(), 0))
    report.check(f"{name}: few descriptors, many clients", few_descriptors())
    for _, address in FAMILIES:
        one = netns.Program([netns.BUILD / "bin/http_server", "--address", address, "--port", PORT, SITE], ready="listening")
        shown = f"[{address}]:{PORT}" if ":" in address else f"{address}:{PORT}"
        report.check(f"{name}: --address {address}", [w for w in (
            wanted("line", one.lines[0], f"http_server listening on {shown}"),
            wanted("answer", curl(address, "/small.txt")[2], SMALL), wanted("status", one.stop(), 0)) if w])
    sys.exit(report.finish())


main()
