package main

import (
	"bytes"
	"io"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// connection is an endpoint whose calls block. It is told of news through one channel for all its life, so that a wait
// registers nothing.
type connection struct {
	endpoint tcpip.Endpoint
	queue    *waiter.Queue
	entry    waiter.Entry
	news     chan struct{}
}

func newConnection(endpoint tcpip.Endpoint, queue *waiter.Queue) *connection {
	c := &connection{endpoint: endpoint, queue: queue}
	c.entry, c.news = waiter.NewChannelEntry(waiter.ReadableEvents | waiter.WritableEvents | waiter.EventHUp | waiter.EventErr)
	queue.EventRegister(&c.entry)
	return c
}

// read gives what has come in to to, and waits if it is nothing: 0 at the end of the stream, and after an error.
func (c *connection) read(to io.Writer) int {
	for {
		result, err := c.endpoint.Read(to, tcpip.ReadOptions{})
		if err == nil {
			c.endpoint.ModerateRecvBuf(result.Count)
			return result.Count
		}
		if _, wait := err.(*tcpip.ErrWouldBlock); !wait {
			return 0
		}
		<-c.news
	}
}

func (c *connection) write(octets []byte) bool {
	var reader bytes.Reader
	for reader.Reset(octets); reader.Len() != 0; {
		left := reader.Len()
		n, err := c.endpoint.Write(&reader, tcpip.WriteOptions{})
		if err == nil {
			if taken := left - reader.Len(); int(n) < taken { // what was read and did not fit
				reader.Seek(int64(n)-int64(taken), io.SeekCurrent)
			}
			continue
		}
		if _, wait := err.(*tcpip.ErrWouldBlock); !wait {
			return false
		}
		<-c.news
	}
	return true
}

func (c *connection) close() {
	c.queue.EventUnregister(&c.entry)
	c.endpoint.Close()
}

func listen(s *stack.Stack, address tcpip.Address, port uint16, serve func(*connection)) {
	queue := &waiter.Queue{}
	listener, err := s.NewEndpoint(tcp.ProtocolNumber, ipv4.ProtocolNumber, queue)
	if err != nil {
		fail("socket", err)
	}
	if err := listener.Bind(tcpip.FullAddress{Addr: address, Port: port}); err != nil {
		fail("bind", err)
	}
	if err := listener.Listen(4096); err != nil {
		fail("listen", err)
	}
	entry, news := waiter.NewChannelEntry(waiter.ReadableEvents)
	queue.EventRegister(&entry)
	go func() {
		for {
			endpoint, queue, err := listener.Accept(nil)
			if _, wait := err.(*tcpip.ErrWouldBlock); wait {
				<-news
				continue
			}
			if err != nil {
				fail("accept", err)
			}
			endpoint.SocketOptions().SetDelayOption(false)
			go serve(newConnection(endpoint, queue))
		}
	}()
}

// sink looks at nothing, so that nothing is copied.
func sink(c *connection) {
	for c.read(io.Discard) != 0 {
	}
	c.close()
}

func source(c *connection) {
	text := make([]byte, 45*1448) // one super-packet, and it fits a buffer of gVisor's pools
	for c.write(text) {
	}
	c.close()
}

func echo(c *connection) {
	buffer := make([]byte, 256<<10)
	for {
		to := tcpip.SliceWriter(buffer)
		n := c.read(&to)
		if n == 0 || !c.write(buffer[:n]) {
			break
		}
	}
	c.close()
}

func once(c *connection) {
	octet := make([]byte, 1)
	to := tcpip.SliceWriter(octet)
	if c.read(&to) == 1 {
		c.write(octet)
	}
	c.close()
}
