package consent

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// A natsCluster is real servers with JetStream on the loopback, as an operator
// would run them.
type natsCluster struct {
	t       testing.TB
	servers []*server.Server
	configs []string
	links   map[[2]int]*link // from one server to another
}

// startCluster starts so many servers, 1 being one in no cluster. more goes into
// the configuration of each, in the form of a configuration file: options in a
// struct lose the leader of a stream at a restart (nats-server issue 6890).
func startCluster(t testing.TB, n int, more string) *natsCluster {
	t.Helper()
	c := &natsCluster{t: t, links: map[[2]int]*link{}}
	var listeners []net.Listener
	var ports []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, l)
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ports = append(ports, port)
	}
	for _, l := range listeners {
		l.Close()
	}
	dir := t.TempDir()
	for i := range n {
		config := fmt.Sprintf("server_name: n%d\nlisten: \"127.0.0.1:-1\"\njetstream { store_dir: %q, sync_interval: always }\n%s\n",
			i+1, filepath.Join(dir, fmt.Sprint(i+1)), more)
		if n > 1 {
			var routes []string
			for j := range n {
				if j != i {
					c.links[[2]int{i, j}] = newLink(t, "127.0.0.1:"+ports[j])
					routes = append(routes, fmt.Sprintf("%q", "nats-route://"+c.links[[2]int{i, j}].address()))
				}
			}
			// They tell nobody where they are, so that all goes through the links.
			config += fmt.Sprintf("cluster { name: test, listen: \"127.0.0.1:%s\", no_advertise: true, advertise: \"127.0.0.1:1\", pool_size: 1, routes: [%s] }\n",
				ports[i], strings.Join(routes, ", "))
		}
		c.configs = append(c.configs, config)
		c.servers = append(c.servers, nil)
		c.start(i)
	}
	t.Cleanup(func() {
		for i := range c.servers {
			c.stop(i)
		}
	})
	c.ready()
	return c
}

// start starts a server that does not run.
func (c *natsCluster) start(i int) {
	c.t.Helper()
	options := &server.Options{}
	if err := options.ProcessConfigString(c.configs[i]); err != nil {
		c.t.Fatal(err)
	}
	options.NoSigs, options.NoLog = true, true
	s, err := server.NewServer(options)
	if err != nil {
		c.t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		c.t.Fatal("the server did not start")
	}
	// The next time it is where it was.
	c.configs[i] = strings.Replace(c.configs[i], `listen: "127.0.0.1:-1"`, fmt.Sprintf("listen: %q", s.Addr().String()), 1)
	c.servers[i] = s
}

// stop ends a server, as the loss of its machine would for the others.
func (c *natsCluster) stop(i int) {
	if s := c.servers[i]; s != nil {
		s.Shutdown()
		s.WaitForShutdown()
		c.servers[i] = nil
	}
}

// cutOff cuts a server off from the others, or joins it again.
func (c *natsCluster) cutOff(i int, cut bool) {
	for way, l := range c.links {
		if way[0] == i || way[1] == i {
			l.cut(cut)
		}
	}
}

// A link passes bytes on between two ends on the loopback, unless it is cut.
type link struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	isCut bool
	open  map[net.Conn]struct{}
}

func newLink(t testing.TB, to string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{listener: listener, to: to, open: map[net.Conn]struct{}{}}
	var tasks sync.WaitGroup
	tasks.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			tasks.Go(func() { l.pass(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		l.cut(true)
		tasks.Wait()
	})
	return l
}

func (l *link) address() string { return l.listener.Addr().String() }

// pass passes on what comes over one connection, both ways, until either end or
// the cutting of the link.
func (l *link) pass(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer to.Close()
	l.mu.Lock()
	if l.isCut {
		l.mu.Unlock()
		return
	}
	l.open[from], l.open[to] = struct{}{}, struct{}{}
	l.mu.Unlock()
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		go func() {
			io.Copy(way[0], way[1])
			from.Close()
			to.Close()
			ended <- struct{}{}
		}()
	}
	<-ended
	<-ended
	l.mu.Lock()
	delete(l.open, from)
	delete(l.open, to)
	l.mu.Unlock()
}

// cut cuts the link, with all connections that go over it, or mends it.
func (l *link) cut(isCut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = isCut
	if isCut {
		for conn := range l.open {
			conn.Close()
		}
	}
}

// ready waits until JetStream has a leader.
func (c *natsCluster) ready() {
	c.t.Helper()
	if len(c.servers) == 1 {
		return
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		for _, s := range c.servers {
			if s != nil && s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == len(c.servers) {
				return
			}
		}
		if time.Now().After(deadline) {
			c.t.Fatal("the cluster has no leader")
		}
	}
}

// url returns the addresses of all servers, or of some.
func (c *natsCluster) url(some ...int) string {
	var urls []string
	for i, s := range c.servers {
		if s == nil || len(some) > 0 && !slices.Contains(some, i) {
			continue
		}
		urls = append(urls, "nats://"+s.Addr().String())
	}
	return strings.Join(urls, ",")
}

// leader returns which server leads the chain.
func (c *natsCluster) leader(account string) int {
	c.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		for i, s := range c.servers {
			if s != nil && s.JetStreamIsStreamLeader(account, streamName) {
				return i
			}
		}
		if time.Now().After(deadline) {
			c.t.Fatal("the stream has no leader")
		}
	}
}

// initCluster makes the streams.
func initCluster(t testing.TB, config LedgerConfig) *ClusterReport {
	t.Helper()
	report, err := InitCluster(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// writeFile writes a file and returns where it is.
func writeFile(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What tests need that look at the package from outside, with servers.
var (
	StartCluster = startCluster
	InitTest     = initCluster
	Children     = children
	Child        = child
)

// URL returns the addresses of all servers, or of some.
func (c *natsCluster) URL(some ...int) string { return c.url(some...) }

// Link returns an address of a server that can be cut off.
func (c *natsCluster) Link(i int) (url string, cut func(bool)) {
	l := newLink(c.t, c.servers[i].Addr().String())
	return "nats://" + l.address(), l.cut
}
