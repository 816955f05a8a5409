package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tempogate/tempogate/bench/fleet"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
)

// TestRollingRestartBehindHAProxy runs deploy/haproxy/haproxy.cfg as it stands but
// for the addresses, in front of three nodes, of which one is restarted, or with
// -figures each after the other: nobody is refused.
func TestRollingRestartBehindHAProxy(t *testing.T) {
	haproxy, err := exec.LookPath("haproxy")
	if err != nil {
		if haproxy = "/usr/sbin/haproxy"; !isFile(haproxy) { // not in everybody's PATH
			if os.Getenv("CI") == "true" {
				t.Fatal("no haproxy: apt-get install haproxy")
			}
			t.Skip("no haproxy: apt-get install haproxy")
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "tempogate") // by its name this test binary is that command
	if err := os.Symlink(self, binary); err != nil {
		t.Fatal(err)
	}
	f, err := fleet.Start(t.Context(), fleet.Config{Binary: binary, ServeFlags: []string{
		"--proxy", "127.0.0.0/8", "--proxy-protocol", "--drain-delay", "2s",
	}})
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err != nil {
		t.Fatal(err)
	}
	front := balance(t, haproxy, f)
	atMostFour(t, f, front)
	const sessions = 60
	nodes := 1
	if *figures {
		nodes = 3
	}
	report, err := f.Restart(t.Context(), fleet.RestartConfig{Sessions: sessions, Nodes: nodes, Through: front, Tell: func(at time.Duration, what string) {
		t.Logf("%5.1f s  %s", at.Seconds(), what)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", *report)
	if report.Refused+report.Lost+report.Denied > 0 {
		t.Errorf("%d refused, %d lost, %d asked for consent again", report.Refused, report.Lost, report.Denied)
	}
	if report.Moves < nodes*sessions/6 || report.Visits == 0 { // a third of them each time, or so
		t.Errorf("%d sessions moved and %d visited: no node was restarted under load", report.Moves, report.Visits)
	}
}

// atMostFour opens sessions of one person through the balancer, which spreads them
// over the nodes: the fifth is refused wherever it gets to.
func atMostFour(t *testing.T, f *fleet.Fleet, front string) {
	t.Helper()
	token, err := f.Issuer.Token("anna", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	anna := agrees(t, front, token)
	for range 4 {
		stream, err := anna.Stream(t.Context(), client.StreamOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
	}
	var refused *client.Error
	waitFor(t, "a fifth session to be refused", func() bool { // the nodes hear of each other soon, not at once
		stream, err := anna.Stream(t.Context(), client.StreamOptions{})
		if err == nil {
			stream.Close()
		}
		return errors.As(err, &refused)
	})
	if refused.Status != http.StatusTooManyRequests || refused.Reason != "person" {
		t.Errorf("refused with %v", refused)
	}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// balance starts HAProxy in front of a fleet and returns its address.
func balance(t *testing.T, haproxy string, f *fleet.Fleet) (front string) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/haproxy/haproxy.cfg")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := l.Addr().String()
	l.Close()
	var changes []string
	change := func(from, to string) {
		t.Helper()
		if strings.Count(string(text), from) != 1 {
			t.Fatalf("%q is there %d times", from, strings.Count(string(text), from))
		}
		changes = append(changes, from, to)
	}
	change("bind 10.0.0.10:443", "bind "+listen)
	for i, n := range f.Nodes {
		node, admin := hostOf(t, n.URL), hostOf(t, n.Admin)
		_, port, _ := net.SplitHostPort(admin)
		change(fmt.Sprintf("server node-%d 10.0.0.1%d:8443", i+1, i+1), fmt.Sprintf("server node-%d %s check port %s", i+1, node, port))
	}
	change("check port 9090", "check")
	change("maxconn 200000", "maxconn 1000") // as many files as a test may open
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(file, []byte(strings.NewReplacer(changes...).Replace(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, haproxy, "-db", "-f", file)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 10 * time.Second
	var said strings.Builder
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		command.Wait()
		if t.Failed() {
			t.Logf("haproxy said:\n%s", said.String())
		}
	})
	front = "http://" + listen
	waitFor(t, "haproxy", func() bool {
		body, err := get(front + "/v1/notice")
		return err == nil && strings.Contains(string(body), "version")
	})
	return front
}

func hostOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// agrees returns the client of whoever has the token, who has just granted
// acceleration.
func agrees(t *testing.T, url, token string) *client.Client {
	t.Helper()
	person, err := client.New(client.Config{URL: url, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(person.Close)
	notice, err := person.Notice(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := person.Grant(t.Context(), notice, []consent.Category{consent.Acceleration}, nil); err != nil {
		t.Fatal(err)
	}
	return person
}
