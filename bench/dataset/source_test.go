package dataset

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func zstandard(t testing.TB, content string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return string(w.EncodeAll([]byte(content), nil))
}

func gzipped(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCompressionIsToldByContentAndNotByName(t *testing.T) {
	const content = "t,ax,ay,az\n0.010,-1.5,9.25,0.125\n0.020,2,-8,0.5\n"
	dir := folder(t, map[string]string{
		"plain.csv":     content,
		"plain.csv.zst": content, // unpacked and not renamed
		"packed.csv":    zstandard(t, content),
		"walk.csv.zst":  zstandard(t, content),
		"walk.csv.gz":   gzipped(t, content),
		"two.zst":       zstandard(t, content[:20]) + zstandard(t, content[20:]), // frames one after the other
	})
	for _, name := range []string{"plain.csv", "plain.csv.zst", "packed.csv", "walk.csv.zst", "walk.csv.gz", "two.zst"} {
		recordings, err := Read(filepath.Join(dir, name), Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !samplesEqual(recordings[0].Samples, twoSamples) {
			t.Errorf("%s: got %v", name, recordings[0].Samples)
		}
	}
}

func TestDamagedCompressionIsAnError(t *testing.T) {
	rows := "t,ax,ay,az\n" + strings.Repeat("0,1,2,3\n", 10_000)
	packed, zipped := zstandard(t, rows), gzipped(t, rows)
	for name, content := range map[string]string{
		"zstd cut short": packed[:len(packed)-5],
		"zstd changed":   packed[:len(packed)-1] + "x",
		"zstd nonsense":  packed[:4] + "nonsense",
		"gzip cut short": zipped[:len(zipped)-5],
		"gzip nonsense":  zipped[:2] + "nonsense",
	} {
		_, err := readText(content, Options{})
		var line *LineError
		if !errors.As(err, &line) || line.Path != "file" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// An endlessSample is 10 GB and more of one and the same sample.
type endlessSample struct{ left []byte }

func (e *endlessSample) Read(p []byte) (int, error) {
	if len(e.left) == 0 {
		e.left = []byte("0,1,2,3\n")
	}
	n := copy(p, e.left)
	e.left = e.left[n:]
	return n, nil
}

func TestTenGigabytesOfOneSampleEndInAnError(t *testing.T) {
	const limit = 8 << 20
	o := Options{MaxBytes: limit}
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	s, err := newSource("file", io.MultiReader(strings.NewReader("t,ax,ay,az\n"), &endlessSample{}), o.MaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	_, err = readSource(s, "file", o)
	if !errors.Is(err, ErrTooLarge) {
		t.Fatalf("got %v", err)
	}
	// Lines of 8 bytes behind a title of 11.
	if want := "file:1048576: cannot be read: the recording is too large: more than 8388608 bytes unpacked"; err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestASmallFileThatUnpacksToMuchIsStopped(t *testing.T) {
	const limit = 1 << 20
	packed := zstandard(t, "t,ax,ay,az\n"+strings.Repeat("0,1,2,3\n", limit))
	if len(packed) > 10_000 {
		t.Fatalf("%d bytes are not a small file", len(packed))
	}
	if _, err := readText(packed, Options{MaxBytes: limit}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	// A limit that the content meets exactly is no reason to fail.
	const content = "t,ax,ay,az\n0,1,2,3\n"
	if _, err := readText(zstandard(t, content), Options{MaxBytes: int64(len(content))}); err != nil {
		t.Error(err)
	}
	if _, err := readText(zstandard(t, content), Options{MaxBytes: int64(len(content)) - 1}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestAMissingFileIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nothing.csv")
	if _, err := Read(path, Options{}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}
