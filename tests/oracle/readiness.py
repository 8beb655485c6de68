"""The calls that ask what is ready: poll, select, epoll and their kin."""

import ctypes
import signal

import values
from backend import epoll_event, pollfd, timespec
from call_table import buffer, call, fd_result, flags_of, result_of, split

POLL = [("in", 1), ("pri", 2), ("out", 4), ("err", 8), ("hup", 16), ("nval", 32), ("rdnorm", 64), ("rdband", 128),
        ("wrnorm", 256), ("wrband", 512), ("msg", 1024), ("rdhup", 0x2000), ("exclusive", 1 << 28), ("wakeup", 1 << 29),
        ("oneshot", 1 << 30), ("et", 1 << 31)]


def events(text):
    total = 0
    for word in text.split(","):
        if word not in ("", "none"):
            total |= int(word, 0) if word[0].isdigit() else dict(POLL)[word]
    return total


def show_events(mask):
    return ",".join(word for word, bit in POLL if mask & bit) or "none"


def milliseconds(n):
    return timespec(n // 1000 if n >= 0 else -1, n % 1000 * 1_000_000)


def poll_as(name, run, words):
    plain, keys = split(words)
    pairs = [word.split(":") for word in plain]
    set_ = (pollfd * max(len(pairs), 1))()
    for i, (s, wanted) in enumerate(pairs):
        set_[i] = pollfd(run.fd(s), ctypes.c_int16(events(wanted)).value, -1)
    timeout = int(keys.get("timeout", 0))
    if name == "poll":
        answer = run.backend.call("poll", set_, int(keys.get("count", len(pairs))), timeout)
    else:
        limit = None if timeout < 0 and "bad" not in keys else ctypes.byref(milliseconds(timeout))
        answer = run.backend.call("ppoll", set_, len(pairs), limit, *sigmask(keys))
    said = " ".join(f"{s}:{show_events(set_[i].revents & 0xffff)}" for i, (s, _) in enumerate(pairs))
    return result_of(answer, said)


def sigmask(keys):
    """(pointer, size) of the set of signals named by mask=USR1; the C library's calls take the pointer alone."""
    if "mask" not in keys:
        return (None,)
    bits = buffer(size=128)
    n = getattr(signal, "SIG" + keys["mask"])
    bits[(n - 1) // 8] = 1 << ((n - 1) % 8)
    return (bits,)


@call
def poll(run, words):
    return poll_as("poll", run, words)


@call
def ppoll(run, words):
    return poll_as("ppoll", run, words)


def select_as(name, run, words):
    """select r=a,b w=c x=d timeout=0"""
    _, keys = split(words)
    sets, numbers = {}, {}
    for kind in "rwx":
        if kind in keys:
            sets[kind] = buffer(size=128)
            for s in [w for w in keys[kind].split(",") if w]:
                fd = run.fd(s)
                numbers[s] = fd
                sets[kind][fd // 8] = bytes([sets[kind].raw[fd // 8] | 1 << fd % 8])
    top = int(keys["n"]) if "n" in keys else max(numbers.values(), default=-1) + 1
    timeout = int(keys.get("timeout", 0))
    limit = None
    if "notimeout" not in keys:
        limit = milliseconds(timeout)
        if name == "select":
            limit.rest //= 1000
        limit = ctypes.byref(limit)
    more = sigmask(keys) if name == "pselect" else ()
    answer = run.backend.call(name, top, sets.get("r"), sets.get("w"), sets.get("x"), limit, *more)
    said = " ".join(f"{kind}:{','.join(s for s in keys[kind].split(',') if s and sets[kind].raw[numbers[s] // 8] >> numbers[s] % 8 & 1)}"
                    for kind in sets)
    return result_of(answer, said)


@call
def select_(run, words):
    return select_as("select", run, words)


@call
def pselect(run, words):
    return select_as("pselect", run, words)


@call
def epoll_create1(run, words):
    return fd_result(run, run.backend.call("epoll_create1", flags_of(words)))


@call
def epoll_ctl(run, words):
    """epoll_ctl e ADD s in,et [noevent=1]: the data is the name s."""
    plain, keys = split(words)
    wanted = events(plain[3]) if len(plain) > 3 else 0
    event = epoll_event(wanted, run.number_of_name(plain[2]))
    return result_of(run.backend.call("epoll_ctl", run.fd(plain[0]), values.number(plain[1]), run.fd(plain[2]),
                                      None if "noevent" in keys else ctypes.byref(event)))


def epoll_as(name, run, words):
    """epoll_wait e COUNT timeout=0"""
    plain, keys = split(words)
    count = int(plain[1]) if len(plain) > 1 else 8
    set_ = (epoll_event * max(count, 1))()
    more = () if name == "epoll_wait" else sigmask(keys)
    n, code = run.backend.call(name, run.fd(plain[0]), None if "noevents" in keys else set_, count, int(keys.get("timeout", 0)), *more)
    said = sorted(f"{run.name_of_number(set_[i].data)}:{show_events(set_[i].events)}" for i in range(max(n, 0)))
    return result_of((n, code), " ".join(said))


@call
def epoll_wait(run, words):
    return epoll_as("epoll_wait", run, words)


@call
def epoll_pwait(run, words):
    return epoll_as("epoll_pwait", run, words)
