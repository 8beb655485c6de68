"""Who is measured, and at what: the tables of the bench."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Peer:
    program: str
    options: tuple = ()
    veth: bool = False
    mtu: int = 1500      # of its device, and told to it when it is another
    queues: int = 1
    on_two: tuple = ()   # options more where it has a CPU of its own


@dataclasses.dataclass(frozen=True)
class Work:
    load: tuple          # what the load is told
    peers: tuple         # who is measured, unless --peers says otherwise; the first is what the others are compared with
    raw: bool = False
    tells: str = ""


PEERS = {
    "bound": Peer("bench_bound", on_two=("--spin", "50", "--window", "1048576")),
    "bound-copy": Peer("bench_bound", ("--copy",)),
    "bound-2q": Peer("bench_bound", ("--queues", "2"), queues=2),
    "kernel": Peer("bench_kernel", veth=True),
    "kernel-zerocopy": Peer("bench_kernel", ("--send", "zerocopy"), veth=True),
    "kernel-epoll": Peer("bench_kernel", ("--wait", "epoll"), veth=True),
    "tunic": Peer("bench_tunic"),
    "tunic-alone": Peer("bench_tunic", ("--wait", "alone")),
    "tunic-poll": Peer("bench_tunic", ("--wait", "poll")),
    "tunic-epoll": Peer("bench_tunic", ("--wait", "epoll")),
    # bench/macro/peers: lwIP as Debian has it, which knows no virtio_net_hdr; tuned, with checksums left to the kernel; and
    # with an MTU that makes up for super-packets, which it does not send. gVisor with super-packets, and with its own endpoint.
    "lwip": Peer("peer_lwip", ("--raw",)),
    "lwip-tuned": Peer("peer_lwip-tuned"),
    "lwip-65520": Peer("peer_lwip-tuned", mtu=65520),
    "gvisor": Peer("peer_gvisor"),
    "gvisor-own": Peer("peer_gvisor", ("--endpoint", "own")),
}
OTHERS = ("lwip", "lwip-tuned", "lwip-65520", "gvisor")

WORKS = {
    "receive": Work(("push",), ("bound", "bound-copy", "kernel", "tunic", *OTHERS), tells="bulk to the peer"),
    "send": Work(("pull",), ("bound", "bound-copy", "kernel", "tunic", *OTHERS), tells="bulk from the peer"),
    "rr": Work(("rr",), ("bound", "kernel", "tunic", "tunic-poll", "tunic-epoll", *OTHERS), tells="1 octet each way"),
    "rr8": Work(("rr", "--clients", "8"), ("bound", "kernel", "tunic", *OTHERS), tells="the same, 8 clients, 8 threads"),
    "crr": Work(("crr",), ("bound", "kernel", "tunic", *OTHERS), tells="connect, 1 octet each way, close"),
    "crr16": Work(("crr", "--clients", "16"), ("bound", "kernel", "tunic", *OTHERS), tells="the same, 16 clients"),
    "raw-receive": Work(("push",), ("bound", "tunic", "lwip", "lwip-tuned", "gvisor-own"), raw=True,
                        tells="bulk to the peer, no virtio_net_hdr"),
    "raw-send": Work(("pull",), ("bound", "tunic", "lwip", "lwip-tuned", "gvisor-own"), raw=True,
                     tells="bulk from the peer, no virtio_net_hdr"),
}

# What the two-CPU runs, the curves and the measures of idle connections are made with.
ON_TWO = {"receive": ("bound", "kernel", "tunic", "gvisor"), "send": ("bound", "kernel", "tunic", "gvisor"),
          "rr": ("bound", "kernel", "tunic", "gvisor"), "crr16": ("bound", "kernel", "tunic", "gvisor")}
TWO_FLOWS = ("bound", "bound-2q", "kernel", "tunic")
CURVED = ("bound", "kernel", "tunic", "lwip-tuned", "gvisor")
BY_EPOLL = ("bound", "kernel-epoll", "tunic-epoll", "lwip-tuned", "gvisor")
IDLE = ("tunic-epoll", "lwip", "gvisor")  # lwip-tuned has its pools from the start
