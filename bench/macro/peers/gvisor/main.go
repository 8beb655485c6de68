// gVisor's netstack under test: a goroutine for each connection, as its users write, on its own endpoints.
//
//	PROGRAM --device tun0 --address 198.18.0.2 [--raw] [--mtu N] [--endpoint vnet|own]
//
// --endpoint vnet (default): the link endpoint of link.go, with vnet_hdr and super-packets both ways; with --raw the same
// without them. --endpoint own: gVisor's fdbased, which knows no vnet_hdr on a TUN device; it is always raw.
//
// Ports: 7001 reads and discards, 7002 sends until the other closes, 7003 answers each read with the same octets, 7004
// reads one octet, writes one and closes.
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

const nic = 1

func fail(what string, err interface{}) {
	fmt.Fprintf(os.Stderr, "gvisor: %s: %v\n", what, err)
	os.Exit(1)
}

// newStack is tuned for speed. RACK is off: over a link this short it takes super-packets in flight for lost, and keeps
// the window of a sender at a tenth of what it could be. A send buffer beyond 512 KiB only makes more of the cache cold.
// TIME-WAIT is short enough not to fill the memory.
func newStack(endpoint stack.LinkEndpoint, address net.IP) *stack.Stack {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, icmp.NewProtocol4},
		HandleLocal:        false,
	})
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: 4 << 10, Default: 1 << 20, Max: 8 << 20}
	send := tcpip.TCPSendBufferSizeRangeOption{Min: 4 << 10, Default: 512 << 10, Max: 8 << 20}
	rack := tcpip.TCPRecovery(0)
	sack := tcpip.TCPSACKEnabled(true)
	moderate := tcpip.TCPModerateReceiveBufferOption(true)
	timeWait := tcpip.TCPTimeWaitTimeoutOption(time.Second)
	for _, option := range []tcpip.SettableTransportProtocolOption{&receive, &send, &rack, &sack, &moderate, &timeWait} {
		if err := s.SetTransportProtocolOption(tcp.ProtocolNumber, option); err != nil {
			fail("option", err)
		}
	}
	if err := s.CreateNIC(nic, endpoint); err != nil {
		fail("NIC", err)
	}
	of := tcpip.ProtocolAddress{
		Protocol:          ipv4.ProtocolNumber,
		AddressWithPrefix: tcpip.AddressWithPrefix{Address: tcpip.Address(address.To4()), PrefixLen: 24},
	}
	if err := s.AddProtocolAddress(nic, of, stack.AddressProperties{}); err != nil {
		fail("address", err)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: nic}})
	return s
}

func main() {
	device := flag.String("device", "tun0", "the TUN device")
	address := flag.String("address", "198.18.0.2", "our address")
	raw := flag.Bool("raw", false, "without vnet_hdr")
	mtu := flag.Int("mtu", 1500, "octets of an IP packet")
	which := flag.String("endpoint", "vnet", "the link endpoint: vnet, or gVisor's own")
	flag.Parse()
	debug.SetGCPercent(1000)

	ip := net.ParseIP(*address)
	if ip == nil {
		fail("--address", *address)
	}
	var endpoint stack.LinkEndpoint
	if *which == "own" {
		fd, err := openTun(*device, false)
		if err != nil {
			fail(*device, err)
		}
		endpoint, err = fdbased.New(&fdbased.Options{FDs: []int{fd}, MTU: uint32(*mtu), RXChecksumOffload: false})
		if err != nil {
			fail("fdbased", err)
		}
	} else {
		link, err := newLink(*device, uint32(*mtu), !*raw)
		if err != nil {
			fail(*device, err)
		}
		endpoint = link
	}
	s := newStack(endpoint, ip)
	for port, serve := range map[uint16]func(*connection){7001: sink, 7002: source, 7003: echo, 7004: once} {
		listen(s, tcpip.Address(ip.To4()), port, serve)
	}
	fmt.Println("ready")
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	<-end
}
