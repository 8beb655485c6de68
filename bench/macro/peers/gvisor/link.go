package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/bufferv2"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/rawfile"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

const (
	vnetSize    = 10
	largest     = 65535
	smallPacket = 2048 // up to here a packet is copied, and its large buffer read into again
	needsSum    = 1
	gsoTCPv4    = 1
)

// openTun attaches to a device that exists, with many queues or with one.
func openTun(name string, vnet bool) (int, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	var request struct {
		name  [unix.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], name)
	flags := uint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if vnet {
		flags |= unix.IFF_VNET_HDR
	}
	for _, queues := range []uint16{0, unix.IFF_MULTI_QUEUE} {
		request.flags = flags | queues
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TUNSETIFF, uintptr(unsafe.Pointer(&request)))
		if errno == 0 {
			offload := uintptr(0)
			if vnet {
				offload = 0x01 | 0x02 // TUN_F_CSUM, TUN_F_TSO4
			}
			if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TUNSETOFFLOAD, offload); errno != 0 && vnet {
				return -1, fmt.Errorf("TUNSETOFFLOAD: %v", errno)
			}
			return fd, nil
		}
		err = errno
	}
	unix.Close(fd)
	return -1, err
}

// link is a TUN device as gVisor's host GSO expects one: text goes both ways in super-packets, and the checksums of TCP
// are the kernel's. It waits in Go's own poller, so that no thread is handed over while nothing comes.
type link struct {
	file       *os.File
	fd         int
	mtu        uint32
	vnet       bool
	dispatcher stack.NetworkDispatcher
}

var _ stack.LinkEndpoint = (*link)(nil)
var _ stack.GSOEndpoint = (*link)(nil)

func newLink(device string, mtu uint32, vnet bool) (*link, error) {
	fd, err := openTun(device, vnet)
	if err != nil {
		return nil, err
	}
	return &link{file: os.NewFile(uintptr(fd), device), fd: fd, mtu: mtu, vnet: vnet}, nil
}

func (l *link) MTU() uint32                             { return l.mtu }
func (l *link) MaxHeaderLength() uint16                 { return 0 }
func (l *link) LinkAddress() tcpip.LinkAddress          { return "" }
func (l *link) IsAttached() bool                        { return l.dispatcher != nil }
func (l *link) Wait()                                   {}
func (l *link) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareNone }
func (l *link) AddHeader(stack.PacketBufferPtr)         {}

func (l *link) Capabilities() stack.LinkEndpointCapabilities {
	if l.vnet {
		return stack.CapabilityRXChecksumOffload // of what is sent, the options of GSO say it for each packet
	}
	return 0
}

func (l *link) GSOMaxSize() uint32 {
	if l.vnet {
		return largest
	}
	return 0
}

func (l *link) SupportedGSO() stack.SupportedGSO {
	if l.vnet {
		return stack.HostGSOSupported
	}
	return stack.GSONotSupported
}

func (l *link) Attach(dispatcher stack.NetworkDispatcher) {
	if l.dispatcher == nil && dispatcher != nil {
		l.dispatcher = dispatcher
		go l.receive()
	}
	l.dispatcher = dispatcher
}

func (l *link) receive() {
	raw, err := l.file.SyscallConn()
	if err != nil {
		fail("device", err)
	}
	var vnet [vnetSize]byte
	view := bufferv2.NewViewSize(bufferv2.MaxChunkSize)
	parts := make([]unix.Iovec, 0, 2)
	var n int
	var errno syscall.Errno
	read := func(fd uintptr) bool {
		parts = parts[:0]
		if l.vnet {
			parts = append(parts, unix.Iovec{Base: &vnet[0], Len: vnetSize})
		}
		parts = append(parts, unix.Iovec{Base: view.BasePtr(), Len: largest})
		r, _, e := unix.RawSyscall(unix.SYS_READV, fd, uintptr(unsafe.Pointer(&parts[0])), uintptr(len(parts)))
		n, errno = int(r), e
		return e != unix.EAGAIN
	}
	for {
		if err := raw.Read(read); err != nil {
			fail("read", err)
		}
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			fail("read", errno)
		}
		if l.vnet {
			n -= vnetSize
		}
		if n <= 0 {
			continue
		}
		var payload bufferv2.Buffer
		if n <= smallPacket {
			payload = bufferv2.MakeWithData(view.AsSlice()[:n])
		} else {
			view.CapLength(n)
			payload = bufferv2.MakeWithView(view)
			view = bufferv2.NewViewSize(bufferv2.MaxChunkSize)
		}
		packet := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: payload})
		if first, ok := packet.Data().PullUp(1); ok && header.IPVersion(first) == header.IPv4Version {
			l.dispatcher.DeliverNetworkPacket(header.IPv4ProtocolNumber, packet)
		}
		packet.DecRef()
	}
}

func (l *link) WritePackets(packets stack.PacketBufferList) (int, tcpip.Error) {
	sent := 0
	for _, packet := range packets.AsSlice() {
		if err := l.write(packet); err != nil {
			return sent, err
		}
		sent++
	}
	return sent, nil
}

func (l *link) write(packet stack.PacketBufferPtr) tcpip.Error {
	var vnet [vnetSize]byte
	var room [8]unix.Iovec
	parts := room[:0]
	if l.vnet {
		if gso := packet.GSOOptions; gso.Type != stack.GSONone {
			binary.LittleEndian.PutUint16(vnet[2:], uint16(packet.HeaderSize()))
			if gso.NeedsCsum {
				vnet[0] = needsSum
				binary.LittleEndian.PutUint16(vnet[6:], gso.L3HdrLen)
				binary.LittleEndian.PutUint16(vnet[8:], gso.CsumOffset)
			}
			if packet.Data().Size() > int(gso.MSS) {
				vnet[1] = gsoTCPv4
				binary.LittleEndian.PutUint16(vnet[4:], gso.MSS)
			}
		}
		parts = append(parts, unix.Iovec{Base: &vnet[0], Len: vnetSize})
	}
	for _, octets := range packet.AsSlices() {
		parts = rawfile.AppendIovecFromBytes(parts, octets, rawfile.MaxIovs)
	}
	return rawfile.NonBlockingWriteIovec(l.fd, parts)
}
