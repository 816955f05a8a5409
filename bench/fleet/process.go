package fleet

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A process is one that can be killed and started again. What it writes is kept
// in a file of its own.
type process struct {
	name    string
	logFile string
	command func() *exec.Cmd // what to start, anew each time

	mu     sync.Mutex
	cmd    *exec.Cmd     // nil when it does not run
	exited chan struct{} // closed when cmd has
	paused bool
}

func newProcess(name, dir string, command func() *exec.Cmd) *process {
	return &process{name: name, logFile: filepath.Join(dir, name+".log"), command: command}
}

// start starts the process, which must not run.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		return fmt.Errorf("fleet: %s runs already", p.name)
	}
	log, err := os.OpenFile(p.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	defer log.Close()
	cmd := p.command()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = cleanEnvironment()
	// Not in our group: an interrupt at the terminal is for us alone, and the
	// processes end in the order that we want.
	cmd.SysProcAttr = childAttributes()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("fleet: %s: %w", p.name, err)
	}
	exited := make(chan struct{})
	p.cmd, p.exited, p.paused = cmd, exited, false
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(exited)
	}()
	return nil
}

// cleanEnvironment is ours without what would configure a child.
func cleanEnvironment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TEMPOGATE_") {
			kept = append(kept, variable)
		}
	}
	return kept
}

// pid returns the process's number, 0 when it does not run.
func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// kill ends the process without warning.
func (p *process) kill() { p.end(syscall.SIGKILL, time.Minute) }

// stopTime is how long a process may take to end when it is asked to.
const stopTime = 30 * time.Second

// stop asks the process to end, and kills it when it does not.
func (p *process) stop() { p.end(syscall.SIGTERM, stopTime) }

func (p *process) end(signal syscall.Signal, patience time.Duration) {
	p.resume()
	p.mu.Lock()
	cmd, exited := p.cmd, p.exited
	p.mu.Unlock()
	if cmd == nil {
		return
	}
	p.signal(cmd, signal)
	select {
	case <-exited:
	case <-time.After(patience):
		p.signal(cmd, syscall.SIGKILL)
		<-exited
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd = nil
}

// pause stops the process where it is, without its notice, until resume.
func (p *process) pause() { p.hold(true, signalPause) }

// resume lets a paused process go on.
func (p *process) resume() { p.hold(false, signalContinue) }

func (p *process) hold(pause bool, signal syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil || p.paused == pause {
		return
	}
	p.paused = pause
	p.signal(p.cmd, signal)
}

// signal sends a signal. One that has ended needs none.
func (p *process) signal(cmd *exec.Cmd, signal syscall.Signal) {
	if err := cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		panic(fmt.Sprintf("fleet: signal %v to %s: %v", signal, p.name, err)) // our own child
	}
}

// revive starts the process again if it has ended although nobody ended it, as a
// supervisor would, and reports whether it had.
func (p *process) revive() (bool, error) {
	if !p.died() {
		return false, nil
	}
	p.end(syscall.SIGKILL, 0) // nothing is left of it
	return true, p.start()
}

// died reports whether the process has ended although nobody ended it.
func (p *process) died() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}
