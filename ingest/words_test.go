package ingest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/wire"
)

// spoken are values that must not be said, in the forms in which a program says
// numbers: in digits, as a float's bits in hexadecimal or decimal, as bytes.
type spoken struct{ forms map[string]string }

func speak(values ...float64) spoken {
	s := spoken{make(map[string]string)}
	for _, v := range values {
		name := strconv.FormatFloat(v, 'g', -1, 64)
		bits := math.Float64bits(v)
		s.forms[name] = name
		s.forms[fmt.Sprintf("%x", bits)] = name + " in hexadecimal"
		s.forms[fmt.Sprintf("%X", bits)] = name + " in hexadecimal"
		s.forms[strconv.FormatUint(bits, 10)] = name + " as a number of its bits"
		s.forms[string(binary.LittleEndian.AppendUint64(nil, bits))] = name + " in bytes"
		s.forms[strings.TrimSuffix(fmt.Sprintf("%v", []byte(name)), "]")[1:]] = name + " as a list of bytes"
	}
	return s
}

// in returns which values a text says, "" for none.
func (s spoken) in(text string) string {
	for form, name := range s.forms {
		if strings.Contains(text, form) {
			return name
		}
	}
	return ""
}

// Every way in which what somebody sends can be wrong, over every way in: what the
// server says about it to anybody (its answers, its log, its metrics, what it tells
// people and operators) says no value of it.
func TestNothingInWordsOnAnyErrorPath(t *testing.T) {
	const x, y, z, latitude, longitude = 7.2538196, -3.6180339, 261.7724538, 52.3740189, 4.8896901
	values := speak(x, -y, z, latitude, longitude)
	n := startPushNode(t, func(c *Config) {
		decode := c.decode
		if decode == nil {
			decode = (*wire.Decoder).Decode
		}
		c.decode = func(d *wire.Decoder, dst *wire.Batch, scratch *wire.Scratch, binary bool, payload []byte, allowed wire.Allowed) error {
			err := decode(d, dst, scratch, binary, payload, allowed)
			switch {
			case err == nil && bytes.Contains(payload, []byte("fault 1")):
				panic(fmt.Sprint("a fault with ", dst.Samples))
			case err == nil && bytes.Contains(payload, []byte("fault 2")):
				panic(errors.New("a fault with " + string(payload)))
			case err == nil && bytes.Contains(payload, []byte("fault 3")):
				_ = dst.Samples[int(dst.Samples[0].Z)] // the runtime's own words for it say the number
			}
			return err
		}
	})
	anna := n.person("anna", consent.Acceleration, consent.Location)
	n.person("ben", consent.Acceleration)
	var said strings.Builder

	good := classifier.Sample{SensorTime: noon, X: x, Y: y, Z: z}
	packed, err := wire.NewEncoder(wire.EncoderConfig{ResolutionMPS2: 1.1e-5}).AppendPacked(nil, []classifier.Sample{good, good, good}, nil)
	if err != nil {
		t.Fatal(err)
	}
	reading := func(more string) string {
		return fmt.Sprintf(`{"payload":[{"name":"totalacceleration","time":%d,"values":{"x":%v,"y":%v,"z":%v}}%s]}`, noon, x, y, z, more)
	}
	location := func(lat, lon any) string {
		return fmt.Sprintf(`,{"name":"location","time":%d,"values":{"latitude":%v,"longitude":%v,"speed":%v}}`, noon, lat, lon, x)
	}
	folded := append([]byte{0x82}, s2.Encode(nil, []byte(reading("")))...)
	text := map[string]string{
		"cut short":                reading("")[:100],
		"trailing":                 reading("") + "7.2538196",
		"a value that is text":     strings.ReplaceAll(reading(""), "261.7724538", `"261.7724538"`),
		"beyond the range":         strings.ReplaceAll(reading(""), "261.7724538", "261.7724538e5"),
		"beyond all numbers":       strings.ReplaceAll(reading(""), "261.7724538", "261.7724538e999"),
		"no number":                strings.ReplaceAll(reading(""), "261.7724538", "261.7724538.1"),
		"an axis twice":            strings.ReplaceAll(reading(""), `"y":`, `"x":`),
		"an axis missing":          strings.ReplaceAll(reading(""), `"y":`, `"w":`),
		"a time with a fraction":   strings.ReplaceAll(reading(""), strconv.FormatInt(noon, 10), "7.2538196"),
		"latitude beyond":          reading(location(latitude*100, longitude)),
		"longitude as text":        reading(location(latitude, `"4.8896901"`)),
		"no longitude":             reading(strings.ReplaceAll(location(latitude, longitude), "longitude", "long")),
		"speed beyond":             reading(strings.ReplaceAll(location(latitude, longitude), "7.2538196", "72538196")),
		"a name that is a value":   `{"payload":[{"name":7.2538196}]}`,
		"a type that is a value":   `{"type":"7.2538196"}`,
		"a key that is a value":    `{"7.2538196":`,
		"too deep":                 `{"a":` + strings.Repeat("[7.2538196,", 40),
		"a fault in words":         reading("") + " ",
		"a value alone":            "7.2538196",
		"not UTF-8":                "\xff7.2538196",
		"control with a payload":   `{"type":"end",` + reading("")[1:],
		"a fault that is a text":   strings.ReplaceAll(reading(""), `{"payload"`, `{"sessionId":"fault 1","payload"`),
		"a fault that is an error": strings.ReplaceAll(reading(""), `{"payload"`, `{"sessionId":"fault 2","payload"`),
		"a fault of the runtime":   strings.ReplaceAll(reading(""), `{"payload"`, `{"sessionId":"fault 3","payload"`),
	}
	binaries := map[string][]byte{
		"packed, cut short":    packed[:len(packed)-2],
		"packed, and more":     append(bytes.Clone(packed), 1),
		"packed, another form": append([]byte{0x7f}, packed...),
		"S2 of it, cut short":  folded[:len(folded)-3],
		"S2 that is none":      append([]byte{0x82}, reading("")...),
		"S2 of what is broken": append([]byte{0x82}, s2.Encode(nil, []byte(reading("")[:100]))...),
	}
	stream := func(binary bool, name string, payload []byte) {
		s := n.stream(anna, client.StreamOptions{})
		defer s.Close()
		if err := s.SendRaw(binary, payload); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if name == "a fault in words" { // nothing is wrong with it but what follows
			s.SendRaw(false, []byte(strings.ReplaceAll(reading(""), strconv.FormatInt(noon, 10), strconv.FormatInt(noon-60e9, 10))))
		}
		code, reason := closeOf(t, s, func(m wire.Message) { fmt.Fprintf(&said, "%+v\n", m) })
		fmt.Fprintln(&said, name, code, reason)
		if code == 1000 {
			t.Errorf("%s: nothing was wrong, so this shows nothing", name)
		}
	}
	for name, payload := range text {
		stream(false, name, []byte(payload))
	}
	for name, payload := range binaries {
		stream(true, name, payload)
	}
	// The same as pushes, plain and packed; and one for which there is no consent.
	link := n.pushLink("anna")
	for name, payload := range text {
		if strings.Contains(payload, "fault") { // the answer is not for docs/openapi.yaml
			conn := rawDial(t, n.url)
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", link[strings.Index(link, "/v1/"):], len(payload), payload)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || resp.StatusCode != http.StatusInternalServerError {
				t.Fatalf("pushed %s: %v %v", name, resp, err)
			}
			io.Copy(&said, resp.Body)
			continue
		}
		status, answer := n.push(link, payload)
		fmt.Fprintln(&said, status, answer)
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write([]byte(payload))
		z.Close()
		cut := packed.Bytes()[:packed.Len()-6]
		_, answer = n.push(link, string(cut), "Content-Encoding", "gzip")
		fmt.Fprintln(&said, answer)
		if status == http.StatusOK && name != "a fault in words" && name != "control with a payload" {
			t.Errorf("pushed %s: nothing was wrong, so this shows nothing", name)
		}
	}
	s := n.stream(n.person("ben"), client.StreamOptions{}) // acceleration alone
	if err := s.SendRaw(false, []byte(reading(location(latitude, longitude)))); err != nil {
		t.Fatal(err)
	}
	if err := s.SendRaw(false, []byte(`{"type":"end"}`)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&said, firstOf(closeOf(t, s, func(m wire.Message) { fmt.Fprintf(&said, "%+v\n", m) })))
	s.Close()

	for where, text := range map[string]string{
		"the answers":      said.String(),
		"the log":          n.log.String(),
		"the metrics":      n.get(n.admin + "/metrics"),
		"the transparency": n.get(n.url + "/v1/transparency"),
		"the own data":     exported(t, anna),
		"the goroutines":   n.get(n.admin + "/debug/pprof/goroutine?debug=2"),
	} {
		if what := values.in(text); what != "" {
			t.Errorf("%s: %s", where, what)
		}
		if len(text) < 100 {
			t.Errorf("%s: %q is too little to show anything", where, text)
		}
	}
	if got := strings.Count(n.log.String(), "fault="); got < 6 {
		t.Errorf("the log tells of %d faults, so this test shows nothing", got)
	}
}

func firstOf(code int, _ string) int { return code }

// exported is all that the server tells a person of itself.
func exported(t *testing.T, c *client.Client) string {
	t.Helper()
	all, err := c.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// What an operator can take of a running server says nothing of what is sent to it
// meanwhile: no profile, no trace of the runtime, no list of goroutines.
func TestNothingInProfiles(t *testing.T) {
	const x = 7.2538196
	values := speak(x)
	n := startNode(t, func(c *Config) { c.Limits = unlimited })
	s := n.stream(n.person("anna", consent.Acceleration), client.StreamOptions{Form: client.JSON})
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for at := int64(noon); ; at += 1e9 {
			samples := walking(at, 1)
			for i := range samples {
				samples[i].X = x
			}
			select {
			case <-stop:
				return
			default:
			}
			if s.Send(samples, nil) != nil {
				return
			}
		}
	}()
	go func() {
		for {
			if _, err := s.Receive(); err != nil {
				return
			}
		}
	}()
	defer func() { close(stop); s.Close(); <-stopped }()
	eventually(t, "samples are taken", func() bool { return n.metric(`tempogate_samples_accepted_total{category="acceleration"}`) > 1000 })
	for _, profile := range []string{
		"goroutine", "goroutine?debug=1", "goroutine?debug=2", "heap", "heap?debug=1", "heap?debug=2", "allocs?debug=1", "threadcreate?debug=2",
		"block?debug=1", "mutex?debug=1", "profile?seconds=1", "trace?seconds=0.2", "cmdline", "",
	} {
		text := n.get(n.admin + "/debug/pprof/" + profile)
		if z, err := gzip.NewReader(strings.NewReader(text)); err == nil {
			whole, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(profile, err)
			}
			text = string(whole)
		}
		if what := values.in(text); what != "" {
			t.Errorf("%s: %s", profile, what)
		}
		if profile == "goroutine?debug=2" && (!strings.Contains(text, "ingest.(*session).run(...)") || strings.Contains(text, "(0x")) {
			t.Errorf("the goroutines are not listed, or with what their functions were called with:\n%s", text)
		}
	}
}
