package ingest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What a processor has worked is the time of programs, the kernel, interrupts and
// other machines on it; what gives way, waits or sleeps is none.
func TestBusyTime(t *testing.T) {
	dir := t.TempDir()
	// user nice system idle iowait irq softirq steal guest guest_nice, in hundredths
	const stat = "cpu 0 0 0 0 0 0 0 0 0 0\n" +
		"cpu0 100 7000 200 9000 8000 300 400 500 60 0\n" +
		"cpu1 10 0 0 0 0 0 0 0 0 0\n" +
		"cpu2 1 0 0 0 0 0 0 0 0 0\n"
	if err := os.WriteFile(filepath.Join(dir, "stat"), []byte(stat), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		processors []int
		want       time.Duration
	}{
		{[]int{0}, 15 * time.Second},
		{[]int{0, 1}, 15100 * time.Millisecond},
		{[]int{2}, 10 * time.Millisecond},
		{[]int{3}, 0}, // switched off
	} {
		var set unix.CPUSet
		for _, n := range test.processors {
			set.Set(n)
		}
		if got := busyTimeOf(dir, set); (got - test.want).Abs() > time.Microsecond {
			t.Errorf("processors %v: %v, want %v", test.processors, got, test.want)
		}
	}
	var all unix.CPUSet
	all.Set(0)
	if got := busyTimeOf(t.TempDir(), all); got != 0 {
		t.Errorf("without any file %v", got)
	}
	if busyTime() == 0 {
		t.Skip("this machine does not tell what its processors do")
	}
}
