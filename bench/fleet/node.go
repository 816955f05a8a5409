package fleet

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// A Node is one ingest node.
type Node struct {
	*process
	URL, Admin string
	Number     int // from 0
	dir        string
	ways       []*Link // to the servers, by their number

	// Revived counts how often it ended although nobody ended it.
	Revived atomic.Int64

	clock atomic.Int64 // how far its clock is off, nanoseconds
}

// sharedKeys are the files that nodes of one cluster have in common.
var sharedKeys = []string{"receipt.key", "pseudonym.key", "identity.key", "capability.key"}

// newNodes prepares nodes that reach each server through a link of their own.
func newNodes(config Config, dir string, servers []*Server) ([]*Node, error) {
	ports, err := freePorts(2 * config.Nodes)
	if err != nil {
		return nil, err
	}
	var nodes []*Node
	for i := range config.Nodes {
		listen, admin := fmt.Sprintf("127.0.0.1:%d", ports[2*i]), fmt.Sprintf("127.0.0.1:%d", ports[2*i+1])
		name := fmt.Sprintf("node-%d", i+1)
		n := &Node{URL: "http://" + listen, Admin: "http://" + admin, Number: i, dir: filepath.Join(dir, name)}
		nodes = append(nodes, n)
		var urls []string
		for _, s := range servers {
			link, err := NewLink(fmt.Sprintf("127.0.0.1:%d", s.client))
			if err != nil {
				return nodes, err
			}
			n.ways = append(n.ways, link)
			urls = append(urls, "nats://"+link.Addr())
		}
		if err := os.MkdirAll(n.dir, 0o700); err != nil {
			return nodes, fmt.Errorf("fleet: %w", err)
		}
		n.process = newProcess(name, dir, func() *exec.Cmd {
			return exec.Command(config.Binary, append([]string{
				"serve", "--listen", listen, "--admin", admin, "--data-dir", n.dir, "--nats", strings.Join(urls, ","), "--nats-nkey", filepath.Join(dir, keysFolder, "node.nk"), "--node-name", name,
				"--lease", config.Lease.String(), "--clock-offset=" + time.Duration(n.clock.Load()).String(), "--no-page",
				"--shed-lateness", "1h", // what is looked at is what a node says, not when it is busy
			}, config.ServeFlags...)...)
		})
	}
	return nodes, nil
}

// takeKeys gives a node the keys of another one.
func (n *Node) takeKeys(from *Node) error {
	for _, name := range sharedKeys {
		key, err := os.ReadFile(filepath.Join(from.dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(n.dir, name), key, 0o600)
		}
		if err != nil {
			return fmt.Errorf("fleet: %w", err)
		}
	}
	return nil
}

// panicked returns an error when the node's log tells of a fault in the program.
func (n *Node) panicked() error {
	log, err := os.ReadFile(n.logFile)
	if err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	for line := range strings.Lines(string(log)) {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") || strings.Contains(line, " fault=") {
			return fmt.Errorf("fleet: %s: %s", n.name, strings.TrimSpace(line))
		}
	}
	return nil
}

// calls are for what operators call: never kept, for nodes come and go.
var calls = &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// ready reports whether the node would let somebody in.
func (n *Node) ready() bool {
	answer, err := calls.Get(n.Admin + "/readyz")
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// awaitReady waits for the node to be ready. One that could not start, because
// there was no cluster to start with, is started again, as a supervisor would.
func (n *Node) awaitReady(ctx context.Context) error {
	return until(ctx, n.name+" to be ready; see "+n.logFile, func() (bool, error) {
		ended, err := n.revive()
		if err != nil {
			return false, err
		}
		if ended {
			n.Revived.Add(1)
		}
		return !ended && n.ready(), nil
	})
}

// until waits for something to hold.
func until(ctx context.Context, what string, holds func() (bool, error)) error {
	for {
		done, err := holds()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("fleet: waited for %s: %w", what, context.Cause(ctx))
		case <-time.After(50 * time.Millisecond):
		}
	}
}
