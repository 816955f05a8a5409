package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:generate go run generate.go

//go:embed client page
var files embed.FS

// policy lets the page load from its own origin and nowhere else, talk to its
// own origin only, and run no script that is not in a file. 'wasm-unsafe-eval'
// is what browsers ask for to compile WebAssembly; it does not allow eval.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; " +
	"img-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// host matches the name or address of a host, with or without a port.
var host = regexp.MustCompile(`^[A-Za-z0-9.-]+(:[0-9]+)?$|^\[[0-9A-Fa-f:.]+\](:[0-9]+)?$`)

// policyFor returns the policy for a page at a host. It names the host's
// WebSocket, because older Safaris do not count it as 'self'.
func policyFor(name string) string {
	if !host.MatchString(name) {
		return policy
	}
	return strings.Replace(policy, "connect-src 'self'", "connect-src 'self' ws://"+name+" wss://"+name, 1)
}

// headers go out with every file.
var headers = map[string]string{
	"Permissions-Policy":         "accelerometer=(self), geolocation=(self), screen-wake-lock=(self), camera=(), microphone=()",
	"Referrer-Policy":            "no-referrer",
	"Cross-Origin-Opener-Policy": "same-origin",
	"X-Content-Type-Options":     "nosniff",
	"Cache-Control":              "no-cache", // ask again each time; the ETag makes that cheap
	"Vary":                       "Accept-Encoding",
}

// types that the system's own table may lack.
var types = map[string]string{
	".js":          "text/javascript; charset=utf-8",
	".ts":          "text/plain; charset=utf-8",
	".wasm":        "application/wasm",
	".webmanifest": "application/manifest+json",
	".svg":         "image/svg+xml",
}

// Paths are where the page is: patterns of http.ServeMux, all of them GET.
var Paths = []string{"/{$}", "/push", "/sw.js", "/web/{file...}"}

// Handler serves the page and the JavaScript client. It answers the Paths, and
// 404 for a file that is not there.
func Handler() http.Handler { return http.HandlerFunc(serve) }

func serve(w http.ResponseWriter, r *http.Request) {
	f, ok := table()[nameOf(r.URL.Path)]
	if !ok {
		http.Error(w, "there is no such file", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policyFor(r.Host))
	for name, value := range headers {
		h.Set(name, value)
	}
	h.Set("Content-Type", f.kind)
	h.Set("ETag", f.tag)
	if slices.Contains(strings.Split(strings.ReplaceAll(r.Header.Get("If-None-Match"), " ", ""), ","), f.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.packed
	if body != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
	} else if body = f.plain; body == nil { // packed only, and the client cannot unpack
		unpacked, err := gunzip(f.packed)
		if err != nil { // TestFiles unpacks it in every build
			http.Error(w, "the file is damaged", http.StatusInternalServerError)
			return
		}
		body = unpacked
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

// nameOf returns the name in the table for the path of a request.
func nameOf(path string) string {
	switch path {
	case "/":
		return "index.html"
	case "/push":
		return "push.html"
	case "/sw.js": // at the top, so that it may look after the whole page
		return "sw.js"
	}
	name, ok := strings.CutPrefix(path, "/web/")
	if !ok || name == "" {
		return "?"
	}
	return name
}

// A file is ready to be sent. One of plain and packed may be nil.
type file struct {
	kind, tag     string
	plain, packed []byte
}

// table holds every file by its name below /web/: those of the page as they
// are called, those of the client below client/.
var table = sync.OnceValue(func() map[string]file {
	all := map[string]file{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		f := file{tag: tagOf(content)}
		name = strings.TrimPrefix(name, "page/")
		if unpacked, packed := strings.CutSuffix(name, ".gz"); packed {
			name, f.packed = unpacked, content
		} else if f.plain = content; !strings.HasSuffix(name, ".png") {
			f.packed = pack(content)
		}
		f.kind = kindOf(name)
		all[name] = f
		return nil
	})
	if err != nil { // an embedded file that cannot be read
		panic(fmt.Errorf("web: %w", err))
	}
	return all
})

func kindOf(name string) string {
	if kind, ok := types[path.Ext(name)]; ok {
		return kind
	}
	return mime.TypeByExtension(path.Ext(name))
}

func tagOf(content []byte) string {
	sum := sha256.Sum256(content)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

func pack(content []byte) []byte {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil { // a level that there is
		panic(err)
	}
	w.Write(content)
	w.Close()
	return packed.Bytes()
}

func gunzip(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
