package main

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is longer than any machine needs for what a browser test waits for.
const patience = time.Minute

// chromium is the browser of all tests, started once.
var chromium struct {
	once sync.Once
	ctx  context.Context
	end  func()
	err  error
}

// findChromium returns where Chromium is. Without one the test is skipped and
// says how to get it; where CI is "true" it fails.
func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const how = "no Chromium to test the page with: apt-get install chromium"
	if os.Getenv("CI") == "true" {
		t.Fatal(how)
	}
	t.Skip(how)
	return ""
}

// openTab opens a tab of the size of a phone, in a browser profile of its own.
func openTab(t *testing.T) *tab {
	t.Helper()
	path := findChromium(t)
	chromium.once.Do(func() {
		options := append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath(path),
			chromedp.NoSandbox, // as root, in containers
			chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
			chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		)
		allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, endBrowser := chromedp.NewContext(allocator)
		chromium.ctx, chromium.end = ctx, func() { endBrowser(); endAllocator() }
		chromium.err = chromedp.Do(ctx)
	})
	if chromium.err != nil {
		t.Fatalf("%s: %v", path, chromium.err)
	}
	ctx, end := chromedp.NewContext(chromium.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	b := &tab{t: t, ctx: ctx}
	listening := chromedp.Listen(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch event := event.(type) {
		case *runtime.EventExceptionThrown:
			b.faults = append(b.faults, (&chromedp.ExceptionError{ExceptionDetails: event.ExceptionDetails}).Error())
		case *runtime.EventConsoleAPICalled:
			if event.Type == runtime.ConsoleAPICalledTypeError {
				b.faults = append(b.faults, "console.error")
			}
		}
	})
	if listening != nil {
		t.Fatal(listening)
	}
	b.run(
		chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateScale(2)),
	)
	// Browsers stop the sensors of a page that has not the focus; only one can.
	call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	for _, sensor := range []emulation.SensorType{emulation.SensorTypeAccelerometer, emulation.SensorTypeLinearAcceleration, emulation.SensorTypeGyroscope} {
		call(b, emulation.SetSensorOverrideEnabled, emulation.SetSensorOverrideEnabledParams{Enabled: true, Type: sensor})
	}
	t.Cleanup(func() {
		if t.Failed() {
			b.screenshot("failed-" + strings.ReplaceAll(t.Name(), "/", "-"))
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, fault := range b.faults {
			t.Errorf("the page failed: %s", fault)
		}
	})
	return b
}

// A tab is a page in the browser of the tests.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu     sync.Mutex
	faults []string // exceptions and errors of the page's scripts
}

// run does something in the tab, or fails the test.
func (b *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// call makes a call of the DevTools protocol in the tab, or fails the test.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.Call(ctx, command, params); err != nil {
		b.t.Fatal(err)
	}
}

// tap clicks what a selector names, once it can be seen.
func (b *tab) tap(selector string) {
	b.t.Helper()
	b.run(chromedp.WaitVisible(selector), chromedp.Click(selector))
}

// value evaluates a JavaScript expression, which may be a promise of a string.
func (b *tab) value(expression string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("(async () => String(await ("+expression+")))()", chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return text
}

// text returns what can be read at a selector.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return b.value("document.querySelector('" + selector + "').innerText")
}

// until waits for a JavaScript condition.
func (b *tab) until(what, condition string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); b.value("!!("+condition+")") != "true"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.screenshot("waiting-" + strings.ReplaceAll(b.t.Name(), "/", "-"))
			b.t.Fatalf("waited for ages for %s; the page says:\n%s", what, b.text("body"))
		}
	}
}

// reads waits until a selector's text has something in it.
func (b *tab) reads(selector, part string) {
	b.t.Helper()
	b.until(selector+" to say "+part, "document.querySelector('"+selector+"').innerText.includes('"+part+"')")
}

// tempo waits until a tempo within a range is shown, and returns it.
func (b *tab) tempo(from, to int) string {
	b.t.Helper()
	const shown = "Number(document.querySelector('#bpm').textContent)"
	b.until("a tempo", shown+" >= "+itoa(from)+" && "+shown+" <= "+itoa(to))
	return b.text("#bpm")
}

// permit allows or denies a permission for the origin of a site.
func (b *tab) permit(s *site, name, setting string) {
	b.t.Helper()
	_, err := chromedp.CallBrowser(b.ctx, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSetting(setting),
		Origin: s.url, BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID,
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// screenshot keeps a picture of the whole page under out/screenshots, in light
// and dark.
func (b *tab) screenshot(name string) {
	b.t.Helper()
	dir := filepath.Join("..", "..", "out", "screenshots")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Error(err)
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		var png []byte
		if err == nil {
			png, err = chromedp.Run(ctx, chromedp.CaptureScreenshot())
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name+"-"+scheme+".png"), png, 0o644)
		}
		if err != nil {
			b.t.Errorf("screenshot %s: %v", name, err)
			return
		}
	}
}

// play lets the phone of the tab move as recorded, from now on and in real
// time, until the returned function is called or the recording ends.
func (b *tab) play(m motion) (stop func()) {
	samples, fixes := m.samples, m.fixes
	ctx, cancel := context.WithCancel(b.ctx)
	var players sync.WaitGroup
	began, first := time.Now(), samples[0].SensorTime
	wait := func(sensorTime int64) bool {
		select {
		case <-time.After(time.Until(began.Add(time.Duration(sensorTime - first)))):
			return true
		case <-ctx.Done():
			return false
		}
	}
	players.Go(func() {
		for _, s := range samples {
			if time.Since(began) > time.Duration(s.SensorTime-first)+30*time.Millisecond {
				continue // a sensor does not catch up, either
			}
			if !wait(s.SensorTime) {
				return
			}
			reading := emulation.SetSensorOverrideReadingsParams{
				Type:    emulation.SensorTypeAccelerometer,
				Reading: &emulation.SensorReading{Xyz: &emulation.SensorReadingXYZ{X: s.X, Y: s.Y, Z: s.Z}},
			}
			if _, err := chromedp.Call(ctx, emulation.SetSensorOverrideReadings, reading); err != nil {
				return
			}
		}
	})
	players.Go(func() {
		east, north := 0.0, 0.0
		for _, f := range fixes {
			if f.EastM == f.EastM { // not NaN
				east, north = east+f.EastM, north+f.NorthM
			}
			if !wait(f.SensorTime) {
				return
			}
			const metresPerDegree = 111_195
			move := emulation.SetGeolocationOverrideParams{
				Latitude: ptr(north / metresPerDegree), Longitude: ptr(east / metresPerDegree), Accuracy: ptr(5.0), Speed: ptr(f.SpeedMPS),
			}
			if _, err := chromedp.Call(ctx, emulation.SetGeolocationOverride, move); err != nil {
				return
			}
		}
	})
	stop = sync.OnceFunc(func() { cancel(); players.Wait() })
	b.t.Cleanup(stop)
	return stop
}

func ptr[T any](v T) *T { return &v }

// A site is a server as it would run, in a process of its own, behind a proxy
// that writes down all that reaches it.
type site struct {
	t      *testing.T
	url    string // of the proxy: what the browser knows
	dir    string
	flags  []string
	listen string // of the server, the same after a restart
	admin  string
	server *exec.Cmd
	unplug func() // ends the proxy: there is no network any more

	mu    sync.Mutex
	asked []asked
}

// asked is a request that went through the proxy.
type asked struct {
	call  string // method and path
	bytes int64  // of the body; -1 for a connection that was handed over
}

// startSite starts a server with flags of "tempogate serve".
func startSite(t *testing.T, flags ...string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), flags: flags, listen: "127.0.0.1:0"}
	s.start()
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			s.mu.Lock()
			target := s.listen
			s.mu.Unlock()
			r.SetURL(&url.URL{Scheme: "http", Host: target})
			r.Out.Host = r.In.Host // the page's origin is the proxy
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { w.WriteHeader(http.StatusBadGateway) },
	}
	s.url, s.unplug = newLoopbackServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := asked{r.Method + " " + r.URL.Path, r.ContentLength}
		if r.Header.Get("Upgrade") != "" {
			seen.bytes = -1
		}
		s.mu.Lock()
		s.asked = append(s.asked, seen)
		s.mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	return s
}

// start starts the server, again if it was stopped.
func (s *site) start() {
	s.t.Helper()
	ready := filepath.Join(s.dir, "ready")
	os.Remove(ready)
	s.server = exec.Command("tempogate", append([]string{"serve", "--data-dir", s.dir,
		"--listen", s.listen, "--admin", "127.0.0.1:0", "--ready-file", ready}, s.flags...)...)
	s.server.Stderr = &testLog{t: s.t}
	if err := s.server.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(s.stop)
	var addresses struct{ URL, Admin string }
	waitFor(s.t, "the server", func() bool { return readJSON(ready, &addresses) == nil })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listen = strings.TrimPrefix(addresses.URL, "http://")
	s.admin = addresses.Admin
}

// stop ends the server as an operator would.
func (s *site) stop() {
	if s.server == nil {
		return
	}
	s.server.Process.Signal(syscall.SIGTERM)
	s.server.Wait()
	s.server = nil
}

// token returns a token of the server's issuer.
func (s *site) token(subject string) string {
	s.t.Helper()
	token, err := exec.Command("tempogate", "token", "--data-dir", s.dir, "--subject", subject).Output()
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(token))
}

// seen returns the requests so far.
func (s *site) seen() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]asked(nil), s.asked...)
}

// metric returns a figure of the server's /metrics, 0 where it has none.
func (s *site) metric(series string) float64 {
	s.t.Helper()
	body, err := get(s.admin + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	return seriesOf(s.t, body, series)
}
