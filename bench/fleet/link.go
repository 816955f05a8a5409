package fleet

import (
	"fmt"
	"net"
	"sync"
)

// A condition is what a Link does with what comes.
type condition int

const (
	passing condition = iota
	stalled           // nothing comes through, and nobody is told
	severed           // connections break, new ones are refused
)

// A Link is a way for TCP connections that can be broken: what connects to Addr
// is passed on to one address.
//
// Its methods may be called from any goroutine.
type Link struct {
	listener net.Listener
	to       string

	mu      sync.Mutex
	state   condition
	changed chan struct{} // closed when state changes
	closed  bool
	conns   map[net.Conn]struct{}
	copies  sync.WaitGroup
}

// NewLink returns a link to an address, on a free port of the loopback. Close it
// when done.
func NewLink(to string) (*Link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("fleet: link: %w", err)
	}
	l := &Link{listener: listener, to: to, changed: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	l.copies.Go(l.accept)
	return l, nil
}

// Addr returns where the link begins, as host:port.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// Cut breaks all connections, and those that come, until Mend.
func (l *Link) Cut() { l.become(severed) }

// Stall holds back everything until Mend. Connections stay, and new ones are
// taken and hear nothing.
func (l *Link) Stall() { l.become(stalled) }

// Mend lets everything pass again, what was held back first.
func (l *Link) Mend() { l.become(passing) }

// Close breaks all connections and ends the link.
func (l *Link) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.become(severed)
	err := l.listener.Close()
	l.copies.Wait()
	return err
}

func (l *Link) become(state condition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = state
	close(l.changed)
	l.changed = make(chan struct{})
	if state == severed {
		for conn := range l.conns {
			conn.Close()
		}
		clear(l.conns)
	}
}

// enter keeps connections so that they can be broken. It returns false when they
// have to be now.
func (l *Link) enter(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == severed || l.closed {
		return false
	}
	for _, conn := range conns {
		l.conns[conn] = struct{}{}
	}
	return true
}

func (l *Link) leave(conns ...net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range conns {
		conn.Close()
		delete(l.conns, conn)
	}
}

// wait returns when something may pass. Whoever is severed meanwhile finds out
// from its connections.
func (l *Link) wait() {
	for {
		l.mu.Lock()
		state, changed := l.state, l.changed
		l.mu.Unlock()
		if state != stalled {
			return
		}
		<-changed
	}
}

func (l *Link) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		if !l.enter(near) {
			near.Close()
			continue
		}
		l.copies.Go(func() { l.connect(near) })
	}
}

// connect passes on what one connection carries, both ways, until either end
// closes.
func (l *Link) connect(near net.Conn) {
	defer l.leave(near)
	l.wait()
	far, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer l.leave(far)
	if !l.enter(far) {
		return
	}
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		l.copies.Go(func() {
			l.carry(way[0], way[1])
			ended <- struct{}{}
		})
	}
	<-ended
}

func (l *Link) carry(from, to net.Conn) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			l.wait()
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
