//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/consent/identity"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/wire"
)

// A diskWatch notes every file that is created or written below some folders, and
// looks into it each time.
type diskWatch struct {
	t       *testing.T
	fd      int
	folders map[int]string // by watch
	holds   func([]byte) bool
	done    chan struct{}

	mu      sync.Mutex
	touched map[string]bool // files
	found   map[string]bool // those that held what is looked for
}

func watchDisk(t *testing.T, holds func([]byte) bool, folders ...string) *diskWatch {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		t.Skip("this machine has no inotify: ", err)
	}
	w := &diskWatch{t: t, fd: fd, folders: map[int]string{}, holds: holds, done: make(chan struct{}), touched: map[string]bool{}, found: map[string]bool{}}
	for _, folder := range folders {
		w.add(folder)
	}
	go w.run()
	return w
}

// add watches a folder and those in it, and looks at what is there already.
func (w *diskWatch) add(folder string) {
	filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // gone meanwhile
		}
		if entry.IsDir() {
			watch, err := unix.InotifyAddWatch(w.fd, path, unix.IN_CREATE|unix.IN_MODIFY|unix.IN_MOVED_TO|unix.IN_CLOSE_WRITE)
			if err == nil {
				w.mu.Lock()
				w.folders[watch] = path
				w.mu.Unlock()
			}
			return nil
		}
		w.look(path)
		return nil
	})
}

func (w *diskWatch) look(path string) {
	text, err := os.ReadFile(path)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.touched[path] = true
	if err == nil && w.holds(text) {
		w.found[path] = true
	}
}

// run takes events until it is told to stop by a file of that name.
func (w *diskWatch) run() {
	defer close(w.done)
	buffer := make([]byte, 64<<10)
	for {
		n, err := unix.Read(w.fd, buffer)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			w.t.Errorf("inotify: %v", err)
			return
		}
		for at := 0; at < n; {
			event := (*unix.InotifyEvent)(unsafe.Pointer(&buffer[at]))
			name := string(bytes.TrimRight(buffer[at+unix.SizeofInotifyEvent:at+unix.SizeofInotifyEvent+int(event.Len)], "\x00"))
			at += unix.SizeofInotifyEvent + int(event.Len)
			if event.Mask&unix.IN_Q_OVERFLOW != 0 {
				w.t.Error("events were lost")
			}
			w.mu.Lock()
			path := filepath.Join(w.folders[int(event.Wd)], name)
			w.mu.Unlock()
			switch {
			case name == endOfWatch:
				return
			case event.Mask&unix.IN_ISDIR != 0:
				w.add(path)
			default:
				w.look(path)
			}
		}
	}
}

const endOfWatch = "end-of-watch"

// stop ends the watch once all that has happened was looked at, and looks at all
// files once more.
func (w *diskWatch) stop(folder string) (touched, found map[string]bool) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(folder, endOfWatch), nil, 0o600); err != nil {
		w.t.Fatal(err)
	}
	<-w.done
	unix.Close(w.fd)
	os.Remove(filepath.Join(folder, endOfWatch))
	for _, folder := range w.folders {
		files, _ := os.ReadDir(folder)
		for _, f := range files {
			if !f.IsDir() {
				w.look(filepath.Join(folder, f.Name()))
			}
		}
	}
	return w.touched, w.found
}

// The control: what is written is found, and what is gone again was noticed.
func TestDiskWatchFindsWhatIsWritten(t *testing.T) {
	folder := t.TempDir()
	w := watchDisk(t, func(p []byte) bool { return bytes.Contains(p, []byte("canary")) }, folder)
	deep := filepath.Join(folder, "a", "b")
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(folder, "gone"), "for a moment")
	os.Remove(filepath.Join(folder, "gone"))
	write(filepath.Join(folder, "kept"), "a canary")
	write(filepath.Join(deep, "deep"), "another canary")
	write(filepath.Join(folder, "other"), "no bird")
	touched, found := w.stop(folder)
	for _, path := range []string{"gone", "kept", "other"} {
		if !touched[filepath.Join(folder, path)] {
			t.Errorf("%s was not noticed", path)
		}
	}
	for path, want := range map[string]bool{"kept": true, "other": false, "a/b/deep": true} {
		if found[filepath.Join(folder, path)] != want {
			t.Errorf("%s: found %t", path, !want)
		}
	}
}

// A server that is streamed to writes to its data directory and nowhere else, and
// no sample: not to its working directory, not to the one for temporary files, and
// nothing when it is killed in the middle of it.
func TestNothingIsWritten(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var samples []classifier.Sample
	axis := func() float64 { return 200 + 700*rng.Float64() }
	for i := range 3000 { // half a minute
		samples = append(samples, classifier.Sample{SensorTime: 1_700_000_000e9 + int64(i)*10_000_000, X: axis(), Y: axis(), Z: axis()})
	}
	// One reading of each message, as a float, as text, and as its bits in words.
	var patterns [][]byte
	for i := 50; i < len(samples); i += 100 {
		bits := math.Float64bits(samples[i].X)
		patterns = append(patterns, binary.LittleEndian.AppendUint64(nil, bits), []byte(strconv.FormatFloat(samples[i].X, 'f', -1, 64)[:12]), fmt.Appendf(nil, "%x", bits))
	}
	holds := func(p []byte) bool {
		for _, pattern := range patterns {
			if bytes.Contains(p, pattern) {
				return true
			}
		}
		return false
	}

	work, temporary, home, data := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	ready := filepath.Join(data, "ready")
	watch := watchDisk(t, holds, work, temporary, home, data)
	command := exec.Command(built(t), "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data-dir", data, "--ready-file", ready, "--log-level", "debug")
	command.Dir = work
	command.Env = []string{"TMPDIR=" + temporary, "HOME=" + home, "PATH=" + os.Getenv("PATH")}
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer command.Process.Kill()
	var addresses struct{ URL string }
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if text, err := os.ReadFile(ready); err == nil && json.Unmarshal(text, &addresses) == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the server does not come up")
		}
	}
	streamEverything(t, addresses.URL, data, samples)

	for _, open := range openFiles(t, command.Process.Pid) {
		if !strings.HasPrefix(open, data) {
			t.Errorf("the server has %s open", open)
		}
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", command.Process.Pid))
	if err != nil || !strings.Contains(string(limits), "Max core file size        0                    0") {
		t.Errorf("core files are limited otherwise: %v\n%s", err, limits)
	}
	// Which the runtime answers with traces, and perhaps a core file.
	command.Process.Signal(syscall.SIGQUIT)
	command.Wait()
	touched, found := watch.stop(work)
	for path := range touched {
		if !strings.HasPrefix(path, data) {
			t.Errorf("the server wrote %s", path)
		}
	}
	for path := range found {
		t.Errorf("%s holds a sample", path)
	}
	if len(touched) < 5 {
		t.Errorf("only %d files were written, so this test shows nothing", len(touched))
	}
	if holds(said.Bytes()) {
		t.Error("what the server said, its last words included, holds a sample")
	}
	if strings.Contains(said.String(), "(0x") || !strings.Contains(said.String(), "quit: ") {
		t.Error("its last words hold what functions were called with")
	}
}

// streamEverything sends samples in every form.
func streamEverything(t *testing.T, url, data string, samples []classifier.Sample) {
	t.Helper()
	issuer, err := identity.OpenIssuer(data)
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Token("anna", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	anna := agrees(t, url, token)
	for _, form := range []client.Form{client.JSON, client.Packed, client.JSONS2, client.PackedS2} {
		s, err := anna.Stream(t.Context(), client.StreamOptions{Form: form, Encoder: wire.EncoderConfig{ResolutionMPS2: 1.1e-5}})
		if err != nil {
			t.Fatal(err)
		}
		estimates := 0
		err = s.Replay(t.Context(), samples, nil, client.ReplayOptions{Answer: func([]byte) error { estimates++; return nil }})
		if err != nil || estimates < 20 {
			t.Fatalf("%v: %d estimates, %v", form, estimates, err)
		}
		s.Close()
	}
	req, err := http.NewRequest(http.MethodPost, url+"/v1/push", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	var link struct{ URL string }
	if err := answerOf(req, &link); err != nil {
		t.Fatal(err)
	}
	body, err := wire.NewEncoder(wire.EncoderConfig{}).AppendJSON(nil, samples[:100], nil)
	if err != nil {
		t.Fatal(err)
	}
	if req, err = http.NewRequest(http.MethodPost, link.URL, bytes.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	if err := answerOf(req, &struct{}{}); err != nil {
		t.Fatal(err)
	}
}

func answerOf(req *http.Request, answer any) error {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return errors.New(resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

// openFiles returns the regular files that a process has open, deleted ones too.
func openFiles(t *testing.T, pid int) (files []string) {
	t.Helper()
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if errors.Is(err, fs.ErrPermission) {
		t.Log("what files the server has open cannot be seen by others: its memory is closed to them")
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range all {
		path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, entry.Name()))
		if err != nil || !filepath.IsAbs(path) || strings.HasPrefix(path, "/dev/") || strings.HasPrefix(path, "/proc/") || strings.HasPrefix(path, "/sys/") {
			continue
		}
		files = append(files, path)
	}
	return files
}
