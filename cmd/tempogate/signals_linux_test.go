package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/tempogate/tempogate/bench/gait"
	"github.com/tempogate/tempogate/bench/residue"
)

// crowdVariable makes the test binary say whether its main thread has run any of
// many functions that it runs at once.
const crowdVariable = "TEMPOGATE_TEST_CROWD"

func init() {
	instead = func() {
		if os.Getenv(crowdVariable) != "" {
			fmt.Println("main thread shared:", mainThreadIsShared())
			os.Exit(0)
		}
	}
}

// mainThreadIsShared runs so many functions, each on a thread of its own, that the
// runtime has to take every thread for them that it may.
func mainThreadIsShared() bool {
	var shared atomic.Bool
	var here, gone sync.WaitGroup
	leave := make(chan struct{})
	for range 50 {
		here.Add(1)
		gone.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			if syscall.Gettid() == syscall.Getpid() {
				shared.Store(true)
			}
			here.Done()
			<-leave
		})
	}
	here.Wait()
	close(leave)
	gone.Wait()
	return shared.Load()
}

// The thread that the kernel gives SIGTERM to runs nothing but the function that waits
// for it, in a program that is begun anew.
func TestMainThreadIsKept(t *testing.T) {
	for settings, shared := range map[string]bool{memorySettings: false, memorySettings + ",gctrace=0": false, "": true} {
		crowd := exec.Command(os.Args[0])
		crowd.Env = append(os.Environ(), crowdVariable+"=1", "GODEBUG="+settings)
		said, err := crowd.Output()
		if want := fmt.Sprintln("main thread shared:", shared); err != nil || string(said) != want {
			t.Errorf("GODEBUG=%s: %s%v, want %s", settings, said, err, want)
		}
	}
}

// No thread of a server takes a signal that it takes no notice of, and the main one
// takes those that end it.
func TestSignalsAreSetAside(t *testing.T) {
	t.Setenv("GODEBUG", "")
	server, err := residue.Start(t.Context(), []string{built(t), "serve"}, t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	walk, err := gait.Record(gait.Config{Seed: 1}, gait.DemoWalk())
	if err != nil {
		t.Fatal(err)
	}
	streamEverything(t, server.URL, server.DataDir, walk.Samples[:min(len(walk.Samples), 3000)]) // for which it begins threads
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", server.PID))
	if err != nil || len(threads) < 2 {
		t.Fatalf("threads %v, %v", threads, err)
	}
	for _, thread := range threads {
		status, err := os.ReadFile(filepath.Join(thread, "status"))
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(status), "SigBlk:")
		var blocked uint64 // the first signal's bit is the lowest: man 5 proc_pid_status
		if _, err := fmt.Sscanf(rest, "%x", &blocked); err != nil {
			t.Fatalf("%s: %v in %s", thread, err, status)
		}
		takes := func(s syscall.Signal) bool { return blocked&(1<<(s-1)) == 0 }
		for _, signal := range []syscall.Signal{syscall.SIGPIPE, syscall.SIGURG, syscall.SIGWINCH, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, 40} {
			if takes(signal) {
				t.Errorf("%s takes %v", thread, signal)
			}
		}
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP} {
			if filepath.Base(thread) == fmt.Sprint(server.PID) && !takes(signal) {
				t.Errorf("the main thread leaves %v to others", signal)
			}
		}
	}
}
