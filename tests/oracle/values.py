"""What stands for what: names of constants, addresses, data, options, control messages; both ways."""

import ctypes
import errno
import ipaddress
import re
import socket
import struct
import zlib

CONSTANTS = {name: int(getattr(socket, name)) for name in dir(socket)
             if name.isupper() and name.split("_")[0] in
             ("SO", "SOL", "MSG", "TCP", "IP", "IPV6", "IPPROTO", "SHUT", "SOMAXCONN", "AF", "SOCK")}
CONSTANTS |= {
    "MSG_BATCH": 0x40000, "MSG_ZEROCOPY": 0x4000000, "MSG_FASTOPEN": 0x20000000, "MSG_CMSG_CLOEXEC": 0x40000000,
    "MSG_SYN": 0x400, "MSG_RST": 0x1000, "MSG_FIN": 0x200, "MSG_PROXY": 0x10, "MSG_TRYHARD": 4, "MSG_WAITFORONE": 0x10000,
    "MSG_ERRQUEUE": 0x2000, "MSG_MORE": 0x8000, "MSG_CONFIRM": 0x800,
    "SO_REUSEPORT": 15, "SO_RCVBUFFORCE": 33, "SO_SNDBUFFORCE": 32, "SO_TIMESTAMP": 29, "SO_TIMESTAMPNS": 35, "SO_PEEK_OFF": 42,
    "SO_NO_CHECK": 11, "SO_BSDCOMPAT": 14, "SO_PASSCRED": 16, "SO_PEERCRED": 17, "SO_DETACH_FILTER": 27, "SO_PEERNAME": 28,
    "SO_ACCEPTCONN": 30, "SO_PEERSEC": 31, "SO_RXQ_OVFL": 40, "SO_WIFI_STATUS": 41, "SO_BUSY_POLL": 46, "SO_INCOMING_CPU": 49,
    "SO_COOKIE": 57, "SO_ZEROCOPY": 60, "SO_TXTIME": 61, "SO_MEMINFO": 55, "SO_MAX_PACING_RATE": 47, "SO_PRIORITY": 12,
    "SO_MARK": 36, "SO_DONTROUTE": 5, "SO_DEBUG": 1, "SO_SNDLOWAT": 19, "SO_PROTOCOL": 38, "SO_DOMAIN": 39,
    "SO_PREFER_BUSY_POLL": 69, "SO_NETNS_COOKIE": 71, "SO_BUF_LOCK": 72, "SO_TIMESTAMPING": 37,
    "TCP_THIN_LINEAR_TIMEOUTS": 16, "TCP_THIN_DUPACK": 17, "TCP_REPAIR": 19, "TCP_FASTOPEN": 23, "TCP_TIMESTAMP": 24,
    "TCP_NOTSENT_LOWAT": 25, "TCP_CC_INFO": 26, "TCP_SAVE_SYN": 27, "TCP_SAVED_SYN": 28, "TCP_FASTOPEN_CONNECT": 30,
    "TCP_ULP": 31, "TCP_MD5SIG": 14, "TCP_INQ": 36, "TCP_TX_DELAY": 37, "TCP_ZEROCOPY_RECEIVE": 35, "TCP_USER_TIMEOUT": 18,
    "TCP_CONGESTION": 13, "TCP_LINGER2": 8, "TCP_WINDOW_CLAMP": 10, "TCP_NO_SUCH": 999,
    "IP_MTU_DISCOVER": 10, "IP_RECVERR": 11, "IP_RECVTTL": 12, "IP_RECVTOS": 13, "IP_MTU": 14, "IP_FREEBIND": 15,
    "IP_BIND_ADDRESS_NO_PORT": 24, "IP_PKTINFO": 8, "IP_RETOPTS": 7, "IP_OPTIONS": 4, "IP_HDRINCL": 3, "IP_ROUTER_ALERT": 5,
    "IP_PASSSEC": 18, "IP_TRANSPARENT": 19, "IP_MINTTL": 21, "IP_NODEFRAG": 22, "IP_CHECKSUM": 23, "IP_MULTICAST_ALL": 49,
    "IP_UNICAST_IF": 50, "IP_LOCAL_PORT_RANGE": 51, "IP_PROTOCOL": 52, "IP_RECVORIGDSTADDR": 20, "IP_NO_SUCH": 999,
    "IP_RECVFRAGSIZE": 25, "IP_PKTOPTIONS": 9, "IP_RECVERR_RFC4884": 26,
    "IPV6_MTU_DISCOVER": 23, "IPV6_MTU": 24, "IPV6_RECVERR": 25, "IPV6_RECVPKTINFO": 49, "IPV6_PKTINFO": 50,
    "IPV6_RECVHOPLIMIT": 51, "IPV6_HOPLIMIT": 52, "IPV6_RECVTCLASS": 66, "IPV6_TCLASS": 67, "IPV6_DONTFRAG": 62,
    "IPV6_AUTOFLOWLABEL": 70, "IPV6_FLOWINFO_SEND": 33, "IPV6_FREEBIND": 78, "IPV6_MINHOPCOUNT": 73, "IPV6_PATHMTU": 61,
    "IPV6_ADDRFORM": 1, "IPV6_2292PKTINFO": 2, "IPV6_2292HOPLIMIT": 8, "IPV6_FLOWINFO": 11, "IPV6_NO_SUCH": 999,
    "IPV6_UNICAST_IF": 76, "IPV6_MULTICAST_ALL": 29, "IPV6_RECVPATHMTU": 60, "IPV6_TRANSPARENT": 75,
    "IPV6_RECVORIGDSTADDR": 74, "IPV6_RECVFRAGSIZE": 77, "IPV6_RECVRTHDR": 56, "IPV6_RECVHOPOPTS": 53, "IPV6_RECVDSTOPTS": 58,
    "IPV6_AUTHHDR": 10, "IPV6_ROUTER_ALERT": 22, "IPV6_RECVERR_RFC4884": 31,
    "UDP_CORK": 1, "UDP_SEGMENT": 103, "UDP_GRO": 104, "UDP_NO_CHECK6_TX": 101, "UDP_NO_CHECK6_RX": 102, "UDP_ENCAP": 100,
    "UDP_NO_SUCH": 999, "SO_NO_SUCH": 999,
    "ICMP_FILTER": 1, "ICMPV6_FILTER": 1,
    "FIONREAD": 0x541B, "FIONBIO": 0x5421, "FIOASYNC": 0x5452, "SIOCOUTQ": 0x5411, "SIOCATMARK": 0x8905, "SIOCINQ": 0x541B,
    "SIOCOUTQNSD": 0x894B, "SIOCGSTAMP": 0x8906, "TCGETS": 0x5401, "FIONCLEX": 0x5450, "FIOCLEX": 0x5451, "SIOCGPGRP": 0x8904,
    "NO_REQUEST": 0x12345,
    "F_DUPFD": 0, "F_GETFD": 1, "F_SETFD": 2, "F_GETFL": 3, "F_SETFL": 4, "F_DUPFD_CLOEXEC": 1030, "F_GETOWN": 9,
    "F_NO_SUCH": 4711, "O_NONBLOCK": 0o4000, "O_RDONLY": 0, "O_WRONLY": 1, "O_RDWR": 2, "O_APPEND": 0o2000, "O_CLOEXEC": 0o2000000,
    "O_ASYNC": 0o20000, "O_CREAT": 0o100, "FD_CLOEXEC": 1,
    "RD": 0, "WR": 1, "RDWR": 2, "ADD": 1, "DEL": 2, "MOD": 3, "EPOLL_CLOEXEC": 0o2000000,
    "stream": 1, "dgram": 2, "raw": 3, "rdm": 4, "seqpacket": 5, "packet": 10, "nonblock": 0o4000, "cloexec": 0o2000000,
}
LEVELS = {"SO": 1, "IP": 0, "IPV6": 41, "TCP": 6, "UDP": 17, "ICMP": 255, "ICMPV6": 58}

LO = {"v4": "127.0.0.1", "v6": "::1", "mapped": "::ffff:127.0.0.1"}
HOSTS = {  # by family of the run
    "lo": LO,
    "any": {"v4": "0.0.0.0", "v6": "::", "mapped": "::"},
    "lo2": {"v4": "127.0.0.2", "v6": "::1", "mapped": "::ffff:127.0.0.2"},
    "other": {"v4": "127.77.1.2", "v6": "::1", "mapped": "::ffff:127.77.1.2"},
    "own": {"v4": "198.18.0.2", "v6": "fd00:7::2", "mapped": "::ffff:198.18.0.2"},
    "far": {"v4": "198.18.99.9", "v6": "fd00:99::9", "mapped": "::ffff:198.18.99.9"},
    "mcast": {"v4": "224.0.0.9", "v6": "ff02::9", "mapped": "::ffff:224.0.0.9"},
    "bcast": {"v4": "255.255.255.255", "v6": "ff02::1", "mapped": "::ffff:255.255.255.255"},
    "wild": {"v4": "0.0.0.0", "v6": "::", "mapped": "::ffff:0.0.0.0"},
}
FIXED = {"lo4": "127.0.0.1", "any4": "0.0.0.0", "lo6": "::1", "any6": "::", "map": "::ffff:127.0.0.1", "mapany": "::ffff:0.0.0.0",
         "otherlo4": "127.0.0.2"}


def number(text):
    """A number, or names and numbers with | between."""
    total = 0
    for part in text.split("|"):
        total |= CONSTANTS[part] if part in CONSTANTS else int(part, 0)
    return total


def option(text):
    """(level, number) of an option called by name, or as LEVEL/OPTION."""
    if "/" in text:
        level, _, name = text.partition("/")
        return number(level), number(name)
    level = LEVELS[text.split("_")[0]]
    return level, CONSTANTS[text]


def errno_name(code):
    return errno.errorcode.get(code, str(code)).replace("EWOULDBLOCK", "EAGAIN").replace("ENOTSUP", "EOPNOTSUPP")


# ---- addresses ----

def pack_address(host, port, family=None, scope=0):
    ip = ipaddress.ip_address(host)
    if ip.version == 4:
        return struct.pack("=H", family if family is not None else socket.AF_INET) + struct.pack("!H4s8x", port, ip.packed)
    return (struct.pack("=H", family if family is not None else socket.AF_INET6) + struct.pack("!HI16s", port, 0, ip.packed) +
            struct.pack("=I", scope))


def unpack_address(octets):
    """(host, port), or None for what is no address."""
    if len(octets) < 2:
        return None
    family = struct.unpack_from("=H", octets)[0]
    if family == socket.AF_INET and len(octets) >= 8:
        port, ip = struct.unpack_from("!H4s", octets, 2)
        return str(ipaddress.ip_address(ip)), port
    if family == socket.AF_INET6 and len(octets) >= 24:
        port, _, ip = struct.unpack_from("!HI16s", octets, 2)
        return socket.inet_ntop(socket.AF_INET6, ip), port
    return None


class Ports:
    """Ports by name: P1.. are chosen by the runner for this sequence, E1.. are numbered as they show themselves."""

    def __init__(self, base):
        self.base, self.seen = base, {}

    def port(self, text):
        return self.base + int(text[1:]) if re.fullmatch(r"P\d", text) else int(text)

    def name(self, port):
        if port == 0:
            return "0"
        if self.base < port < self.base + 10:
            return f"P{port - self.base}"
        if port < 1024:
            return str(port)
        return self.seen.setdefault(port, f"E{len(self.seen) + 1}")

    def show(self, octets):
        found = unpack_address(octets)
        return f"{found[0]}:{self.name(found[1])}" if found else f"<{octets.hex()}>"


# ---- data ----

def data(text):
    """"abc", x*1000 (a letter that many times), pattern:N (each octet depends on its place)."""
    if text.startswith('"'):
        return re.sub(rb"\\x(..)", lambda m: bytes.fromhex(m[1].decode()), text[1:-1].encode())
    if match := re.fullmatch(r"(.)\*(\d+)", text):
        return match[1].encode() * int(match[2])
    if text.startswith("pattern:"):
        n = int(text[8:])
        return (b"".join(struct.pack("!I", i * 2654435761 & 0xffffffff) for i in range(n // 4 + 1)))[:n]
    raise ValueError(f"what data is {text}?")


def show_data(octets):
    if len(octets) <= 32:
        return '"' + octets.decode("latin1").encode("unicode_escape").decode() + '"'
    return f"{len(octets)} octets, crc {zlib.crc32(octets):08x}"


# ---- options ----

KINDS = {"SO_LINGER": "ii", "SO_RCVTIMEO": "qq", "SO_SNDTIMEO": "qq", "IP_PKTINFO": "i4s4s", "TCP_CONGESTION": "16s", "TCP_ULP": "16s"}


def pack_option(name, text):
    if text.startswith("hex:"):
        return bytes.fromhex(text[4:])
    if text.startswith('"'):
        return text[1:-1].encode()
    if name in ("SO_RCVTIMEO", "SO_SNDTIMEO"):
        seconds, _, micro = text.partition(",")
        return struct.pack("=qq", int(seconds), int(micro or 0))
    if "," in text:
        return struct.pack("=" + "i" * (text.count(",") + 1), *(int(part) for part in text.split(",")))
    return struct.pack("=i", ctypes.c_int(number(text)).value)


def option_size(name):
    return struct.calcsize("=" + KINDS.get(name, "i"))


def show_option(name, octets):
    kind = KINDS.get(name, "i")
    if name in ("TCP_CONGESTION", "TCP_ULP"):
        return '"' + octets.split(b"\0")[0].decode("latin1") + '"'
    if len(octets) == struct.calcsize("=" + kind) and "s" not in kind:
        return ",".join(str(v) for v in struct.unpack("=" + kind, octets))
    return "hex " + octets.hex() if octets else "nothing"


# struct tcp_info: name -> (offset, format)
TCP_INFO = {}
_at = 0
for _name in ("state", "ca_state", "retransmits", "probes", "backoff", "options", "wscale", "limits"):
    TCP_INFO[_name] = (_at, "B")
    _at += 1
for _name in ("rto", "ato", "snd_mss", "rcv_mss", "unacked", "sacked", "lost", "retrans", "fackets", "last_data_sent",
              "last_ack_sent", "last_data_recv", "last_ack_recv", "pmtu", "rcv_ssthresh", "rtt", "rttvar", "snd_ssthresh",
              "snd_cwnd", "advmss", "reordering", "rcv_rtt", "rcv_space", "total_retrans"):
    TCP_INFO[_name] = (_at, "I")
    _at += 4
for _name in ("pacing_rate", "max_pacing_rate", "bytes_acked", "bytes_received"):
    TCP_INFO[_name] = (_at, "Q")
    _at += 8
for _name in ("segs_out", "segs_in", "notsent_bytes", "min_rtt", "data_segs_in", "data_segs_out"):
    TCP_INFO[_name] = (_at, "I")
    _at += 4
for _name in ("delivery_rate", "busy_time", "rwnd_limited", "sndbuf_limited"):
    TCP_INFO[_name] = (_at, "Q")
    _at += 8
for _name in ("delivered", "delivered_ce"):
    TCP_INFO[_name] = (_at, "I")
    _at += 4
for _name in ("bytes_sent", "bytes_retrans"):
    TCP_INFO[_name] = (_at, "Q")
    _at += 8


def tcp_info(octets, names):
    said = []
    for name in names:
        offset, kind = TCP_INFO[name]
        if offset + struct.calcsize("=" + kind) > len(octets):
            said.append(f"{name}=none")
        else:
            said.append(f"{name}={struct.unpack_from('=' + kind, octets, offset)[0]}")
    return " ".join(said)


# ---- control messages ----

CMSG = {}
for _name in ("IP_TTL", "IP_TOS", "IP_PKTINFO", "IP_RECVERR", "IPV6_PKTINFO", "IPV6_HOPLIMIT", "IPV6_TCLASS", "IPV6_RECVERR",
              "SO_TIMESTAMP", "SO_TIMESTAMPNS", "TCP_INQ", "UDP_GRO", "SO_RXQ_OVFL"):
    CMSG[option(_name)] = _name


def pack_cmsgs(parts):
    """IP_TTL:5 IP_PKTINFO:host SOME_LEVEL/TYPE:hex..."""
    out = b""
    for name, text in parts:
        level, kind = option(name)
        if name == "IP_PKTINFO" and not text.startswith("hex"):
            index, _, host = text.rpartition("%")
            body = struct.pack("=i4s4s", int(index or 0), socket.inet_aton(host), bytes(4))
        elif name == "IPV6_PKTINFO" and not text.startswith("hex"):
            index, _, host = text.rpartition("%")
            body = socket.inet_pton(socket.AF_INET6, host) + struct.pack("=I", int(index or 0))
        else:
            body = pack_option(name, text)
        out += struct.pack("=Qii", 16 + len(body), level, kind) + body + bytes(-len(body) % 8)
    return out


def show_cmsgs(octets, ports):
    said, at = [], 0
    while len(octets) - at >= 16:
        length, level, kind = struct.unpack_from("=Qii", octets, at)
        body = octets[at + 16:at + length]
        said.append(show_cmsg(CMSG.get((level, kind), f"{level}/{kind}"), body, ports))
        if length < 16:
            break
        at += (length + 7) & ~7
    return said


def show_cmsg(name, body, ports):
    if name in ("SO_TIMESTAMP", "SO_TIMESTAMPNS") and len(body) == 16:
        return f"{name}=time"
    if name == "IP_PKTINFO" and len(body) == 12:
        return f"{name}={socket.inet_ntoa(body[4:8])},{socket.inet_ntoa(body[8:])}"
    if name == "IPV6_PKTINFO" and len(body) == 20:
        return f"{name}={socket.inet_ntop(socket.AF_INET6, body[:16])}"
    if name in ("IP_RECVERR", "IPV6_RECVERR") and len(body) >= 16:
        code, origin, kind, icmp, _, info, extra = struct.unpack_from("=IBBBBII", body)
        offender = "none" if len(body) < 18 or not any(body[16:18]) else ports.show(body[16:])
        return f"{name}={errno_name(code)},origin {origin},type {kind},code {icmp},info {info},data {extra},from {offender}"
    if len(body) == 4:
        return f"{name}={struct.unpack('=i', body)[0]}"
    return f"{name}=hex {body.hex()}"
