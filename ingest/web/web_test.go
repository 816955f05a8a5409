package web

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// get asks the handler as a browser does.
func get(t *testing.T, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w
}

func TestFiles(t *testing.T) {
	for _, c := range []struct {
		path, kind, part string
		status           int
	}{
		{"/", "text/html", "<title>Running mode</title>", 200},
		{"/push", "text/html", "QR code", 200},
		{"/sw.js", "text/javascript", "addEventListener", 200},
		{"/web/app.js", "text/javascript", "import", 200},
		{"/web/app.css", "text/css", ":root", 200},
		{"/web/manifest.webmanifest", "application/manifest+json", `"start_url"`, 200},
		{"/web/icon-192.png", "image/png", "PNG", 200},
		{"/web/client/tempogate.js", "text/javascript", "export", 200},
		{"/web/client/tempogate.d.ts", "text/plain", "export", 200},
		{"/web/client/classifier.wasm", "application/wasm", "\x00asm", 200},
		{"/web/", "", "", 404},
		{"/web/nothing.js", "", "", 404},
		{"/web/client/classifier.wasm.gz", "", "", 404},
		{"/web/../web.go", "", "", 404},
	} {
		w := get(t, c.path)
		if w.Code != c.status {
			t.Errorf("%s: %d, want %d", c.path, w.Code, c.status)
			continue
		}
		if kind := w.Header().Get("Content-Type"); c.status == 200 && !strings.HasPrefix(kind, c.kind) {
			t.Errorf("%s is %q, want %q", c.path, kind, c.kind)
		}
		if !strings.Contains(w.Body.String(), c.part) {
			t.Errorf("%s has no %q", c.path, c.part)
		}
	}
}

// A browser that has a file is not sent it again.
func TestKnownFilesAreNotSentAgain(t *testing.T) {
	first := get(t, "/")
	again := get(t, "/", "If-None-Match", first.Header().Get("ETag"))
	if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("%d with %d bytes", again.Code, again.Body.Len())
	}
	if other := get(t, "/", "If-None-Match", `"another"`); other.Code != http.StatusOK {
		t.Errorf("another tag: %d", other.Code)
	}
}

// Packed and plain are the same file.
func TestPackedIsTheSame(t *testing.T) {
	for name, f := range table() {
		if f.packed == nil || f.plain == nil {
			continue
		}
		unpacked, err := gunzip(f.packed)
		if err != nil || string(unpacked) != string(f.plain) {
			t.Errorf("%s: packed differs from plain (%v)", name, err)
		}
	}
}

func TestHeaders(t *testing.T) {
	for _, path := range []string{"/", "/push", "/sw.js", "/web/client/worker.js"} {
		h := get(t, path).Header()
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'",
			"X-Content-Type-Options":  "nosniff",
			"Referrer-Policy":         "no-referrer",
			"Permissions-Policy":      "accelerometer=(self)",
		} {
			if !strings.Contains(h.Get(name), want) {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
		if policy := h.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe-inline") || strings.Contains(policy, "'unsafe-eval'") ||
			strings.Contains(policy, "http") || strings.Contains(policy, "*") {
			t.Errorf("%s: the policy is not strict: %s", path, policy)
		}
	}
}

// The policy names the WebSocket of the page's own host, and nothing that a
// request makes up.
func TestPolicyFor(t *testing.T) {
	for name, want := range map[string]string{
		"run.example.org":      "connect-src 'self' ws://run.example.org wss://run.example.org;",
		"127.0.0.1:8080":       "connect-src 'self' ws://127.0.0.1:8080 wss://127.0.0.1:8080;",
		"[::1]:8080":           "connect-src 'self' ws://[::1]:8080 wss://[::1]:8080;",
		"":                     "connect-src 'self';",
		"x; script-src *":      "connect-src 'self';",
		"x *":                  "connect-src 'self';",
		"*.example.org":        "connect-src 'self';",
		"example.org/evil:80":  "connect-src 'self';",
		"example.org:80:90":    "connect-src 'self';",
		"https://example.org/": "connect-src 'self';",
	} {
		if got := policyFor(name); !strings.Contains(got, want) || strings.Contains(got, "*") {
			t.Errorf("%q: %s", name, got)
		}
	}
}

// elsewhere matches an address on another host. The name space of SVG is none
// that is fetched.
var elsewhere = regexp.MustCompile(`(https?:)?//[a-z0-9-]+\.[a-z]{2,}[^\s"']*`)

// What a page says it loads is all on this server, and no script or style
// stands in a page itself.
func TestNothingComesFromElsewhere(t *testing.T) {
	for name, f := range table() {
		if f.plain == nil || strings.HasSuffix(name, ".png") {
			continue
		}
		for _, address := range elsewhere.FindAllString(string(f.plain), -1) {
			if address != "http://www.w3.org/2000/svg" {
				t.Errorf("%s names %s", name, address)
			}
		}
		if !strings.HasSuffix(name, ".html") {
			continue
		}
		for _, inline := range []string{"<style", "style=", "onclick=", "<script>", "javascript:"} {
			if strings.Contains(string(f.plain), inline) {
				t.Errorf("%s has %s", name, inline)
			}
		}
	}
}

// Everything that a module imports and a page names is there.
func TestEveryNamedFileIsThere(t *testing.T) {
	importing := regexp.MustCompile(`(?:from|import|new URL\() ?"\./([^"]+)"`)
	naming := regexp.MustCompile(`"/web/([a-z0-9./-]+)"`)
	for name, f := range table() {
		if f.plain == nil {
			continue
		}
		folder := name[:strings.LastIndex(name, "/")+1]
		var named []string
		for _, m := range importing.FindAllStringSubmatch(string(f.plain), -1) {
			named = append(named, folder+m[1])
		}
		for _, m := range naming.FindAllStringSubmatch(string(f.plain), -1) {
			named = append(named, m[1])
		}
		for _, file := range named {
			if _, ok := table()[file]; !ok {
				t.Errorf("%s names %s, which is not there", name, file)
			}
		}
	}
}

// The page without a network has all that it needs of its own.
func TestServiceWorkerKeepsThePage(t *testing.T) {
	kept := string(table()["sw.js"].plain)
	err := fs.WalkDir(files, "page", func(name string, entry fs.DirEntry, err error) error {
		name = strings.TrimPrefix(name, "page/")
		if err != nil || entry.IsDir() || strings.HasPrefix(name, "push.") || strings.HasSuffix(name, ".png") ||
			name == "sw.js" || name == "index.html" {
			return err
		}
		if !strings.Contains(kept, `"/web/`+name+`"`) {
			t.Errorf("%s is not kept", name)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for name := range table() {
		module, ok := strings.CutPrefix(name, "client/")
		if module, isJS := strings.CutSuffix(module, ".js"); ok && isJS && !strings.Contains(kept, `"`+module+`"`) {
			t.Errorf("%s is not kept", name)
		}
	}
}

// TestWeight prints what a phone downloads, packed as it is sent.
func TestWeight(t *testing.T) {
	const pageMost, moduleMost = 100_000, 1_500_000
	page, module := 0, 0
	for name, f := range table() {
		size := len(f.packed)
		if f.packed == nil {
			size = len(f.plain)
		}
		switch {
		case strings.HasSuffix(name, ".wasm"):
			module += size
		case strings.HasSuffix(name, ".d.ts"): // for editors, not for browsers
		default:
			page += size
		}
	}
	t.Logf("page_bytes %d", page)
	t.Logf("module_bytes %d", module)
	if page > pageMost || module > moduleMost {
		t.Errorf("page %d bytes of %d, module %d of %d", page, pageMost, module, moduleMost)
	}
}
