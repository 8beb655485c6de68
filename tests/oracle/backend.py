"""The two sides: the kernel's calls and ours, called in the same way through ctypes."""

import ctypes

NAMES = """socket bind listen accept accept4 connect shutdown close read readv recv recvfrom recvmsg recvmmsg write writev send
sendto sendmsg sendmmsg getsockname getpeername getsockopt setsockopt fcntl ioctl poll ppoll select pselect epoll_create
epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 dup dup2 dup3 sendfile socketpair""".split()

u64, i64, ptr, i32 = ctypes.c_uint64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int


class NotThere(Exception):
    """tunic.h has no such call."""


class Backend:
    """call(name, arguments...) -> (result, errno); arguments are ints, None, or ctypes buffers."""

    def __init__(self, name, library):
        self.name = name
        self.prefix = "" if name == "linux" else "tunic_"
        self.code = ctypes.CDLL(library, use_errno=True)

    def call(self, name, *arguments):
        assert name in NAMES, name
        try:
            function = getattr(self.code, self.prefix + name)
        except AttributeError:
            raise NotThere(name) from None
        function = self.code[self.prefix + name]
        function.restype = i64 if name in ("read", "readv", "recv", "recvfrom", "recvmsg", "write", "writev", "send", "sendto",
                                           "sendmsg", "sendfile") else i32
        wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
        ctypes.set_errno(0)
        result = function(*wide)
        return result, ctypes.get_errno()


class iovec(ctypes.Structure):
    _fields_ = [("base", ptr), ("size", u64)]


class msghdr(ctypes.Structure):
    _fields_ = [("name", ptr), ("name_size", ctypes.c_uint32), ("vector", ptr), ("count", u64), ("control", ptr),
                ("control_size", u64), ("flags", i32)]


class mmsghdr(ctypes.Structure):
    _fields_ = [("header", msghdr), ("size", ctypes.c_uint32)]


class pollfd(ctypes.Structure):
    _fields_ = [("fd", i32), ("events", ctypes.c_int16), ("revents", ctypes.c_int16)]


class epoll_event(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("events", ctypes.c_uint32), ("data", u64)]


class timespec(ctypes.Structure):
    _fields_ = [("seconds", i64), ("rest", i64)]


def vector_of(buffers):
    """An array of iovec over ctypes buffers."""
    vector = (iovec * max(len(buffers), 1))()
    for i, b in enumerate(buffers):
        vector[i] = iovec(ctypes.addressof(b) if b is not None else None, ctypes.sizeof(b) if b is not None else 0)
    return vector
