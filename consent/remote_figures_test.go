package consent

import (
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// TestRemoteFigures measures how long a node takes to read a ledger of 100,000
// people from a NATS server beside it, and what one yes of somebody new takes on
// disk. It prints a name and a value a line.
func TestRemoteFigures(t *testing.T) {
	if wanted := flag.Lookup("figures"); wanted == nil || wanted.Value.String() != "true" {
		t.Skip("run with -figures, or make bench-consent")
	}
	dir := t.TempDir()
	FillMany(t, dir, ManyPeople, time.Now())
	var disk int64
	if err := filepath.WalkDir(filepath.Join(dir, storeFolder), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			disk += info.Size()
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("grant_disk_bytes %.4g\n", float64(disk)/ManyPeople)
	s := startServer(t, filepath.Join(dir, storeFolder), server.RANDOM_PORT)
	began := time.Now()
	l := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})
	fmt.Printf("load_100k_nats_s %.4g\n", time.Since(began).Seconds())
	if audit, err := l.Audit(t.Context()); err != nil || audit.People != ManyPeople {
		t.Errorf("%d people, %v", audit.People, err)
	}
}
