"""The calls of the notation. Each takes the run and its words, and gives (result, what to show of it).

Addresses are HOST:PORT (values.HOSTS, values.FIXED; a port may be P1.., a number or @s, the port of s) or @s, the whole
name of s. `key=value` says what is out of the ordinary: len=, family=, nothing is checked, misuse is wanted."""

import ctypes

import values
from backend import mmsghdr, msghdr, vector_of
from call_table import buffer, call, fd_result, flags_of, result_of, split
from readiness import milliseconds

# ---- addresses ----

def address(run, word, keys):
    """(pointer, length) of an address argument."""
    if word == "NULL":
        return None, int(keys.get("len", 0))
    if word == "unspec":
        octets = bytes(16 if run.family == "v4" else 28)
    elif word.startswith("@"):
        octets = run.name_of(word[1:])
    else:
        host, _, port = word.rpartition(":")
        host = values.FIXED.get(host) or values.HOSTS[host][run.family]
        port = run.port_of(port[1:]) if port.startswith("@") else run.ports.port(port)
        octets = values.pack_address(host, port, int(keys["family"]) if "family" in keys else None, int(keys.get("scope", 0)))
    length = int(keys.get("len", len(octets)))
    return buffer(octets.ljust(max(length, len(octets)), b"\0")), length


class AddressOut:
    """Room for an address that a call is to write; room= says how much."""

    def __init__(self, keys):
        self.absent = keys.get("room") == "NULL"
        room = 128 if self.absent else int(keys.get("room", 128))
        self.buffer = buffer(b"\xaa" * 128)
        self.length = ctypes.c_int(room)
        self.room = room
        self.length_pointer = None if "nolength" in keys else ctypes.byref(self.length)
        self.pointer = None if self.absent else self.buffer

    def show(self, run):
        n = self.length.value
        if self.absent:
            return f"length {n}" if n != self.room else ""
        if n == self.room and self.buffer.raw[:2] == b"\xaa\xaa":
            return "no address"
        if n > self.room:
            return f"length {n}, first {min(self.room, 8)}: {run.hide_port(self.buffer.raw[:min(self.room, 8)])}"
        return run.ports.show(self.buffer.raw[:n]) if n else "length 0"


# ---- life of a socket ----

@call
def socket(run, words):
    plain, keys = split(words)
    domain = {"4": 2, "6": 10}.get(keys.get("family"), keys.get("family"))
    domain = int(domain) if domain is not None else 2 if run.family == "v4" else 10
    return fd_result(run, run.backend.call("socket", domain, flags_of(plain), values.number(keys.get("proto", "0"))))


@call
def bind(run, words):
    plain, keys = split(words)
    return result_of(run.backend.call("bind", run.fd(plain[0]), *address(run, plain[1], keys)))


@call
def connect(run, words):
    plain, keys = split(words)
    return result_of(run.backend.call("connect", run.fd(plain[0]), *address(run, plain[1], keys)))


@call
def listen(run, words):
    return result_of(run.backend.call("listen", run.fd(words[0]), int(words[1])))


def accept_as(name, run, words):
    plain, keys = split(words)
    out = AddressOut(keys)
    if "noaddr" in plain:
        out.pointer, out.length_pointer = None, None
    flags = [flags_of([w for w in plain[1:] if w != "noaddr"])] if name == "accept4" else []
    n, code = run.backend.call(name, run.fd(plain[0]), out.pointer, out.length_pointer, *flags)
    if n < 0 or out.pointer is None:
        return fd_result(run, (n, code))
    return n, f"fd from {out.show(run)}"


@call
def accept(run, words):
    return accept_as("accept", run, words)


@call
def accept4(run, words):
    return accept_as("accept4", run, words)


@call
def shutdown(run, words):
    return result_of(run.backend.call("shutdown", run.fd(words[0]), values.number(words[1])))


@call
def close(run, words):
    return result_of(run.backend.call("close", run.fd(words[0])))


def name_call(name, run, words):
    plain, keys = split(words)
    out = AddressOut(keys)
    n, code = run.backend.call(name, run.fd(plain[0]), out.pointer, out.length_pointer)
    return result_of((n, code), out.show(run) if n == 0 else "")


@call
def getsockname(run, words):
    return name_call("getsockname", run, words)


@call
def getpeername(run, words):
    return name_call("getpeername", run, words)


# ---- data ----

@call
def read(run, words):
    b = buffer(size=int(words[1]))
    n, code = run.backend.call("read", run.fd(words[0]), b, int(words[1]))
    return result_of((n, code), values.show_data(b.raw[:max(n, 0)]))


@call
def recv(run, words):
    size = int(words[1])
    b = buffer(b"\xaa" * size)
    n, code = run.backend.call("recv", run.fd(words[0]), b, size, flags_of(words[2:]))
    untouched = " untouched" if n > 0 and b.raw == b"\xaa" * size else ""
    return result_of((n, code), untouched.strip() or values.show_data(b.raw[:max(n, 0)]))


@call
def recvfrom(run, words):
    plain, keys = split(words)
    size = int(plain[1])
    b, out = buffer(size=size), AddressOut(keys)
    n, code = run.backend.call("recvfrom", run.fd(plain[0]), b, size, flags_of(plain[2:]), out.pointer, out.length_pointer)
    return result_of((n, code), f"{values.show_data(b.raw[:max(n, 0)])} from {out.show(run)}")


@call
def readv(run, words):
    plain, keys = split(words)
    parts = [buffer(size=int(w)) for w in plain[1].split(",")] if len(plain) > 1 else []
    n, code = run.backend.call("readv", run.fd(plain[0]), vector_of(parts), int(keys.get("count", len(parts))))
    return result_of((n, code), values.show_data(b"".join(p.raw for p in parts)[:max(n, 0)]))


@call
def write(run, words):
    octets = values.data(words[1])
    return result_of(run.backend.call("write", run.fd(words[0]), buffer(octets), len(octets)))


@call
def send(run, words):
    octets = values.data(words[1])
    return result_of(run.backend.call("send", run.fd(words[0]), buffer(octets), len(octets), flags_of(words[2:])))


@call
def sendto(run, words):
    plain, keys = split(words)
    octets = values.data(plain[1])
    return result_of(run.backend.call("sendto", run.fd(plain[0]), buffer(octets), len(octets), flags_of(plain[3:]),
                                      *address(run, plain[2], keys)))


@call
def writev(run, words):
    plain, keys = split(words)
    parts = [buffer(values.data(w)) for w in plain[1:]]
    return result_of(run.backend.call("writev", run.fd(plain[0]), vector_of(parts), int(keys.get("count", len(parts)))))


def to_send(run, plain, keys, cmsgs):
    """A msghdr to be sent, and what must stay alive meanwhile."""
    parts = [buffer(values.data(w)) for w in plain]
    vector = vector_of(parts)
    control = buffer(values.pack_cmsgs(cmsgs)) if cmsgs else None
    where, length = address(run, keys["to"], keys) if "to" in keys else (None, 0)
    m = msghdr(ctypes.addressof(where) if where is not None else None, length, ctypes.addressof(vector),
               int(keys.get("count", len(parts))), ctypes.addressof(control) if control is not None else None,
               int(keys.get("controllen", ctypes.sizeof(control) if control is not None else 0)), 0)
    return m, (parts, vector, control, where)


def data_and_flags(plain):
    return ([w for w in plain if not w.startswith("MSG_") and w != "0"], [w for w in plain if w.startswith("MSG_")])


def cmsgs_of(words):
    return [tuple(w[5:].split(":", 1)) for w in words if w.startswith("cmsg=")]


@call
def sendmsg(run, words):
    plain, keys = split(words)
    data, flags = data_and_flags(plain[1:])
    m, keep = to_send(run, data, keys, cmsgs_of(words))
    return result_of(run.backend.call("sendmsg", run.fd(plain[0]), ctypes.byref(m), flags_of(flags)))


@call
def sendmmsg(run, words):
    """sendmmsg s "a" "b" to=...: one message for each text."""
    plain, keys = split(words)
    data, flags = data_and_flags(plain[1:])
    made = [to_send(run, [w], keys, cmsgs_of(words)) for w in data]
    set_ = (mmsghdr * max(len(made), 1))()
    for i, (m, _) in enumerate(made):
        set_[i].header = m
    count = int(keys.get("vlen", len(made)))
    n, code = run.backend.call("sendmmsg", run.fd(plain[0]), set_, count, flags_of(flags))
    return result_of((n, code), "sizes " + ",".join(str(set_[i].size) for i in range(max(n, 0))))


def to_receive(sizes, keys):
    parts = [buffer(size=int(w)) for w in sizes.split(",") if w]
    vector = vector_of(parts)
    room, control_room = int(keys.get("room", 128)), int(keys.get("control", 0))
    name, control = buffer(size=max(room, 1)), buffer(size=max(control_room, 1))
    m = msghdr(ctypes.addressof(name) if room else None, room, ctypes.addressof(vector), len(parts),
               ctypes.addressof(control) if control_room else None, control_room, int(keys.get("inflags", 0)))
    return m, (parts, vector, name, control)


FLAG_NAMES = [(1, "MSG_OOB"), (8, "MSG_CTRUNC"), (0x20, "MSG_TRUNC"), (0x80, "MSG_EOR"), (0x2000, "MSG_ERRQUEUE"),
              (0x40000000, "MSG_CMSG_CLOEXEC")]


def show_received(run, n, m, keep):
    parts, _, name, control = keep
    octets = b"".join(p.raw for p in parts)
    said = [values.show_data(octets[:min(n, len(octets))])]
    said.append("from " + (run.ports.show(name.raw[:m.name_size]) if m.name_size and m.name_size <= len(name) else f"length {m.name_size}"))
    known = 0
    names = []
    for bit, word in FLAG_NAMES:
        known |= bit
        if m.flags & bit:
            names.append(word)
    if m.flags & ~known & 0xffffffff:
        names.append(hex(m.flags & ~known & 0xffffffff))
    if names:
        said.append("|".join(names))
    said += values.show_cmsgs(control.raw[:m.control_size], run.ports)
    return " ".join(said)


@call
def recvmsg(run, words):
    """recvmsg s 10,20 control=100 MSG_...: parts, room for control messages."""
    plain, keys = split(words)
    m, keep = to_receive(plain[1], keys)
    n, code = run.backend.call("recvmsg", run.fd(plain[0]), ctypes.byref(m), flags_of(plain[2:]))
    return result_of((n, code), show_received(run, n, m, keep) if n >= 0 else "")


@call
def recvmmsg(run, words):
    """recvmmsg s COUNT SIZE MSG_... timeout=milliseconds."""
    plain, keys = split(words)
    count = int(plain[1])
    made = [to_receive(plain[2], keys) for _ in range(count)]
    set_ = (mmsghdr * max(count, 1))()
    for i, (m, _) in enumerate(made):
        set_[i].header = m
    limit = ctypes.byref(milliseconds(int(keys["timeout"]))) if "timeout" in keys else None
    n, code = run.backend.call("recvmmsg", run.fd(plain[0]), set_, count, flags_of(plain[3:]), limit)
    said = [f"[{set_[i].size} {show_received(run, set_[i].size, set_[i].header, made[i][1])}]" for i in range(max(n, 0))]
    return result_of((n, code), " ".join(said))


@call
def sendfile(run, words):
    """sendfile s FILE COUNT offset=N: FILE as `file f pattern:100` made it."""
    plain, keys = split(words)
    offset = ctypes.c_int64(int(keys["offset"])) if "offset" in keys else None
    n, code = run.backend.call("sendfile", run.fd(plain[0]), run.fd(plain[1]), ctypes.byref(offset) if offset is not None else None,
                               int(plain[2]))
    return result_of((n, code), f"offset {offset.value}" if offset is not None else "")


# ---- options ----

@call
def getsockopt(run, words):
    """getsockopt s NAME or LEVEL/NUMBER, len=: the room; TCP_INFO with fields=state,..."""
    plain, keys = split(words)
    level, number = values.option(plain[1])
    room = int(keys.get("len", 256 if plain[1] == "TCP_INFO" else values.option_size(plain[1])))
    b, length = buffer(b"\xaa" * 512), ctypes.c_int(room)
    n, code = run.backend.call("getsockopt", run.fd(plain[0]), level, number, None if "novalue" in keys else b,
                               None if "nolength" in keys else ctypes.byref(length))
    if n < 0:
        return result_of((n, code))
    octets = b.raw[:max(length.value, 0)]
    if "fields" in keys:
        return n, "0 " + values.tcp_info(octets, keys["fields"].split(","))
    shown = "" if "hide" in keys else values.show_option(plain[1], octets)
    size = "" if length.value == room else f"len {length.value}: "
    return n, f"0 {size}{shown}"


@call
def setsockopt(run, words):
    """setsockopt s NAME VALUE; hex:00ff, "text", 1,5 for structures, len=, novalue=1."""
    plain, keys = split(words)
    level, number = values.option(plain[1])
    octets = values.pack_option(plain[1], plain[2])
    length = int(keys.get("len", len(octets)))
    return result_of(run.backend.call("setsockopt", run.fd(plain[0]), level, number,
                                      None if "novalue" in keys else buffer(octets.ljust(max(length, 1), b"\0")), length))


@call
def fcntl(run, words):
    n, code = run.backend.call("fcntl", run.fd(words[0]), values.number(words[1]), *(values.number(w) for w in words[2:3]))
    if n >= 0 and words[1].startswith("F_DUPFD"):
        return n, "fd" if n < 100 else f"fd {n}"
    return n, f"-1 {values.errno_name(code)}" if n < 0 else oct(n) if words[1] == "F_GETFL" else str(n)


@call
def ioctl(run, words):
    value = ctypes.c_int(int(words[2]) if len(words) > 2 and words[2] != "NULL" else -77)
    answer = run.backend.call("ioctl", run.fd(words[0]), values.number(words[1]),
                              None if "NULL" in words else ctypes.byref(value))
    return result_of(answer, f"value {value.value}" if value.value != -77 and len(words) < 3 else "")


@call
def dup(run, words):
    return fd_result(run, run.backend.call("dup", run.fd(words[0])))


@call
def dup2(run, words):
    n, text = result_of(run.backend.call("dup2", run.fd(words[0]), run.fd(words[1])))
    return n, text if n < 0 else "the number asked for" if n == run.fd(words[1]) else f"another number, {n}"


@call
def dup3(run, words):
    n, text = result_of(run.backend.call("dup3", run.fd(words[0]), run.fd(words[1]), flags_of(words[2:])))
    return n, text if n < 0 else "the number asked for" if n == run.fd(words[1]) else f"another number, {n}"
