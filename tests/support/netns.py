"""Namespaces with a TUN device of their own, for tools/demo and tests/interop.

isolate() runs the calling script again in fresh network, mount and process namespaces: whatever it starts or makes there is
gone when it ends, however it ends. In there:

    netns.make_tun()                                  # tun0 with the kernel's side addressed and up
    server = netns.Program([...], ready="listening")  # started; its line that says so was seen
    netns.run(["curl", ...])                          # its output; raises Failure unless it succeeds

Needs root or unprivileged user namespaces. Files belong into netns.FOLDER, which lives in memory."""

import ctypes
import errno
import fcntl
import os
import pathlib
import re
import select
import signal
import struct
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("TUNIC_BUILD", ROOT / "build/release"))
FOLDER = pathlib.Path("/run")  # a file system of our own, once isolated

KERNEL_V4, STACK_V4 = "198.18.0.1", "198.18.0.2"
KERNEL_V6, STACK_V6 = "fd00:7::1", "fd00:7::2"
STACK = {"TUNIC_DEVICE": "tun0", "TUNIC_ADDRESS": f"{STACK_V4}/24,{STACK_V6}/64"}

_MARK = "TUNIC_ISOLATED"
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


class Failure(Exception):
    """Says in one sentence what did not work."""


# ---- getting there ----

def _unshare():
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


def why_not_isolated():
    """Why no namespaces can be made here and what mends it; "" if they can."""
    done = subprocess.run([*_unshare(), "true"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode == 0:
        return ""
    return (f"no network namespace can be made ({done.stdout.strip() or 'unshare failed'}): run as root, in a container with "
            "--privileged, or allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1)")


def why_no_tun():
    """Why no TUN device can be opened here and what mends it; "" if one can. To be asked when isolated."""
    try:
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        return {
            errno.ENOENT: "/dev/net/tun does not exist: load the module (modprobe tun), or start the container with "
                          "--device /dev/net/tun",
            errno.ENODEV: "the kernel has no TUN driver behind /dev/net/tun: load it (modprobe tun)",
            errno.EACCES: "/dev/net/tun may not be opened by this user: run as root, or chmod 666 /dev/net/tun",
            errno.EPERM: "/dev/net/tun is forbidden to this container: start it with --device /dev/net/tun",
        }.get(error.errno, f"/dev/net/tun cannot be opened: {error.strerror}")
    try:
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", b"probe", _IFF_TUN | _IFF_NO_PI))
    except OSError as error:
        if error.errno == errno.EPERM:
            return "no right to make a TUN device (CAP_NET_ADMIN): run as root, or give the container --cap-add NET_ADMIN"
        return f"no TUN device can be made: {error.strerror}"
    finally:
        os.close(device)
    return ""


def isolated():
    return os.environ.get(_MARK) == "1"


def isolate():
    """Runs this script again in namespaces of its own and ends with its status; returns only in there."""
    if isolated():
        _settle()
        return
    # A child of ours dies with us, and with it, as it is the first process of its namespace, everything in there.
    die_with_parent = ctypes.CDLL(None).prctl
    inner = subprocess.Popen([*_unshare(), sys.executable, *sys.argv], env={**os.environ, _MARK: "1"},
                             preexec_fn=lambda: die_with_parent(1, signal.SIGKILL))
    # Ctrl-C reaches the script in there by itself, and it may say so; if it does not end, we end it.
    signal.signal(signal.SIGINT, lambda *_: signal.alarm(3))
    for ending in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(ending, lambda *_: inner.kill())
    status = inner.wait()
    sys.exit(status if status >= 0 else 128 - status)


def isolate_test(name):
    """isolate() for a test: where that or a TUN is impossible, prints `skip - name: why` and ends."""
    if not isolated() and (why := why_not_isolated()):
        print(f"skip - {name}: {why}")
        sys.exit(0)
    isolate()
    if why := why_no_tun():
        print(f"skip - {name}: {why}")
        sys.exit(0)


def _settle():
    run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(FOLDER)])
    run(["ip", "link", "set", "lo", "up"])


# ---- being there ----

def run(command, seconds=30, env=None, **more):
    """What the command printed. Raises Failure if it fails or takes too long."""
    try:
        done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=seconds, env={**os.environ, **(env or {})}, **more)
    except FileNotFoundError:
        raise Failure(f"{command[0]} is not there") from None
    except subprocess.TimeoutExpired:
        raise Failure(f"{command[0]} took more than {seconds} s") from None
    if done.returncode != 0:
        raise Failure(f"{pathlib.Path(command[0]).name} gave {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def make_tun(name="tun0", multi_queue=False, mtu=None):
    """A TUN device whose kernel's side has KERNEL_V4/24 and KERNEL_V6/64 and is up."""
    run(["ip", "tuntap", "add", "dev", name, "mode", "tun", *(["multi_queue"] if multi_queue else [])])
    address_tun(name, mtu)


def address_tun(name="tun0", mtu=None):
    """Addresses the kernel's side of a device that is there, and brings it up."""
    disabled = pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
    if not disabled.exists():
        raise Failure("this kernel has no IPv6")
    disabled.write_text("0")
    if mtu:
        run(["ip", "link", "set", name, "mtu", mtu])
    run(["ip", "address", "add", f"{KERNEL_V4}/24", "dev", name])
    run(["ip", "address", "add", f"{KERNEL_V6}/64", "dev", name, "nodad"])
    run(["ip", "link", "set", name, "up"])


def wait_until(condition, seconds, what):
    """Asks `condition` until it gives something true, which is returned; raises Failure when time is up."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds} s")
        select.select([], [], [], 0.005)
    return found


class Program:
    """A program that runs beside the test, with the stack's environment, and the lines that it has printed."""

    def __init__(self, command, ready=None, env=None, seconds=5):
        self.name = pathlib.Path(command[0]).name
        self.lines = []
        self._rest = b""
        try:
            self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                            env={**os.environ, **STACK, **(env or {})})
        except FileNotFoundError:
            raise Failure(f"{command[0]} is not there") from None
        if ready:
            self.wait_for(ready, seconds)

    def wait_for(self, pattern, seconds=5):
        """The first match of `pattern` in a line printed so far or within `seconds`."""
        end = time.monotonic() + seconds
        seen = 0
        while True:
            for line in self.lines[seen:]:
                if match := re.search(pattern, line):
                    return match
            seen = len(self.lines)
            if not self._read(end - time.monotonic()) and seen == len(self.lines):
                said = "; ".join(self.lines[-5:]) or "nothing"
                raise Failure(f"{self.name} did not print '{pattern}' within {seconds} s, but {said}")

    def find(self, pattern):
        """All matches in what has been printed until now."""
        while self._read(0):
            pass
        return [match for line in self.lines if (match := re.search(pattern, line))]

    def stop(self, seconds=10):
        """Asks it to end, as Ctrl-C does, and returns its status; it is killed, and that is a Failure, if it does not."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failure(f"{self.name} did not end within {seconds} s of SIGTERM") from None
        while self._read(0):
            pass
        return self.process.returncode

    def _read(self, seconds):
        """Takes in what there is, waiting `seconds` for some; False when nothing came."""
        ready, _, _ = select.select([self.process.stdout], [], [], max(seconds, 0))
        block = os.read(self.process.stdout.fileno(), 65536) if ready else b""
        *lines, self._rest = (self._rest + block).split(b"\n")
        self.lines += [line.decode(errors="replace") for line in lines]
        return bool(block)
