"""The demo's story, after tools/demo has built what it needs."""

import hashlib
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import netns  # noqa: E402
from netns import Failure  # noqa: E402

PORT = 8080
FILE_SIZE = 64 << 20
PAGE = "<!doctype html>\n<title>Tunic</title>\n<h1>It works</h1>\n<p>Every octet of this page went through our own TCP.</p>\n"
FACTS = "%{http_code} %{local_ip} %{local_port} %{remote_ip} %{remote_port} %{num_connects} %{size_download} %{time_total}\\n"


def endpoint(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make_site():
    site = netns.FOLDER / "site"
    site.mkdir()
    (site / "index.html").write_text(PAGE)
    (site / "random.bin").write_bytes(os.urandom(FILE_SIZE))
    return site


def fetch(address, site):
    """curl gets both files over one connection. Its own view of the socket pair, the seconds and rate of the large file."""
    got = {name: netns.FOLDER / f"got.{name}" for name in ("index.html", "random.bin")}
    base = f"http://{endpoint(address, PORT)}"
    outputs = [part for name, path in got.items() for part in ("-o", path, f"{base}/{name}")]
    lines = netns.run(["curl", "-q", "-sS", "--fail", "--globoff", "--noproxy", "*", "--max-time", 20, "-w", FACTS, *outputs],
                      seconds=30).splitlines()
    page, large = (line.split() for line in lines)
    if page[1:5] != large[1:5] or large[5] != "0":
        raise Failure("curl did not keep its connection between the page and the file")
    sums = {name: checksum(path) for name, path in got.items()}
    for name, path in got.items():
        if sums[name] != checksum(site / name):
            raise Failure(f"{name} arrived with other contents over {address}")
        path.unlink()
    pair = endpoint(*large[1:3]), endpoint(*large[3:5])
    return pair, sums, float(large[7])


def show_family(family, address, site, server):
    (near, far), sums, seconds = fetch(address, site)
    server.wait_for(r"^pair local \S+ remote " + near.replace("[", r"\[").replace("]", r"\]") + "$")
    ours = [match.groups() for match in server.find(r"^pair local (\S+) remote (\S+)$") if match[2] == near]
    if ours != [(far, near)]:
        raise Failure(f"the two ends do not see the same pair: curl {near} {far}, http_server {ours}")
    print(f"\n{family}   http://{endpoint(address, PORT)}/")
    print(f"  index.html  {len(PAGE):>10} octets, sha256 {sums['index.html'][:16]}..., the same at both ends")
    print(f"  random.bin  {FILE_SIZE:>10} octets, sha256 {sums['random.bin'][:16]}..., the same at both ends")
    print(f"  64 MiB in {seconds:.3f} s: {FILE_SIZE * 8 / seconds / 1e9:.2f} Gbit/s")
    print(f"  the socket pair as curl sees it         {near} -> {far}")
    print(f"  the socket pair as http_server sees it  {far} -> {near}", flush=True)


def counter(name):
    """What the kernel counts on its side of the device: rx is from Tunic."""
    return int(pathlib.Path(f"/sys/class/net/tun0/statistics/{name}").read_text())


def main_job():
    start = time.monotonic()
    print("The kernel's curl fetches from http_server, a program on Tunic's own TCP/IP:")
    print(f"  curl, kernel TCP, {netns.KERNEL_V4} and {netns.KERNEL_V6}  <-- tun0 -->  "
          f"{netns.STACK_V4} and {netns.STACK_V6}, Tunic, http_server", flush=True)
    netns.run(["mount", "-t", "sysfs", "sysfs", "/sys"])  # the counters of this namespace, not of the one outside
    netns.make_tun()
    site = make_site()
    server = netns.Program([netns.BUILD / "bin/http_server", "--log", "--port", PORT, site], ready=f":{PORT}")
    show_family("IPv4", netns.STACK_V4, site, server)
    show_family("IPv6", netns.STACK_V6, site, server)
    if counter("rx_bytes") < 2 * FILE_SIZE:
        raise Failure(f"only {counter('rx_bytes')} octets came through tun0: the files took another way")
    packets = f"{counter('rx_packets')} packets from Tunic, {counter('tx_packets')} from the kernel"
    if status := server.stop():
        raise Failure(f"http_server ended with status {status}: {'; '.join(server.lines[-3:])}")
    print("\nWhat it did: made a network namespace and a TUN device, served 2 connections (one each over IPv4 and IPv6), compared")
    print("the SHA-256 of 4 transfers, and saw each socket pair from both ends: one is the other's reverse. Over the device went")
    print(f"{packets}. It took {time.monotonic() - start:.1f} s, and nothing is left behind.")


def embedded(why):
    if why:
        print(f"No TUN device can be used here: {why}.\nThe same job on two stacks that are joined by a link in memory:\n",
              flush=True)
    program = netns.BUILD / "bin/embedded"
    if not program.exists():
        raise Failure(f"{program} is not there")
    return subprocess.run([str(program)], stdin=subprocess.DEVNULL).returncode


def main():
    if "--embedded" in sys.argv[1:]:
        return embedded("")
    if not netns.isolated() and (why := netns.why_not_isolated()):
        return embedded(why)
    netns.isolate()
    if why := netns.why_no_tun():
        return embedded(why)
    main_job()
    return 0


try:
    sys.exit(main())
except Failure as failure:
    print(f"tools/demo: {failure}", file=sys.stderr)
    sys.exit(1)
except KeyboardInterrupt:
    print("\ntools/demo: interrupted; nothing is left behind", file=sys.stderr)
    sys.exit(130)
