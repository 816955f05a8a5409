package wire

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

func TestAppendEstimate(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		t    float64
		e    classifier.Estimate
		want string
	}{
		{12, classifier.Estimate{Activity: classifier.Run, P: classifier.Probabilities{0, 0.02, 0.97, 0, 0.01}, CadenceSPM: 163.4, CadenceConfidence: 0.93, BPM: 163, SpeedMPS: 3.1},
			`{"type":"estimate","t":12.0,"activity":"run","p":{"still":0,"walk":0.02,"run":0.97,"cycle":0,"transit":0.01},"cadence_spm":163.4,"cadence_confidence":0.93,"bpm":163,"speed_mps":3.1}`},
		// Nothing known yet, and today on a phone's clock.
		{1698501144.4017, classifier.Estimate{CadenceSPM: nan, SpeedMPS: nan},
			`{"type":"estimate","t":1698501144.402,"activity":"unknown","p":{"still":0,"walk":0,"run":0,"cycle":0,"transit":0},"cadence_spm":null,"cadence_confidence":0,"bpm":null,"speed_mps":null}`},
		// Everything is rounded, and zeros at the end go.
		{0.0305, classifier.Estimate{Activity: classifier.Walk, P: classifier.Probabilities{0.33333, 0.66651, 0.0004, 0.0005, 0}, CadenceSPM: 119.96, CadenceConfidence: 0.999, BPM: 120, SpeedMPS: 0.04},
			`{"type":"estimate","t":0.031,"activity":"walk","p":{"still":0.333,"walk":0.667,"run":0,"cycle":0.001,"transit":0},"cadence_spm":120,"cadence_confidence":1,"bpm":120,"speed_mps":0}`},
		// A clock may count from anywhere.
		{-1.25, classifier.Estimate{Activity: classifier.Transit, P: classifier.Probabilities{0, 0, 0, 0, 1}, CadenceSPM: math.Inf(1), SpeedMPS: 27.75},
			`{"type":"estimate","t":-1.25,"activity":"transit","p":{"still":0,"walk":0,"run":0,"cycle":0,"transit":1},"cadence_spm":null,"cadence_confidence":0,"bpm":null,"speed_mps":27.8}`},
	} {
		got := string(AppendEstimate([]byte("x"), &c.e, c.t))
		if got != "x"+c.want {
			t.Errorf("got  %s\nwant x%s", got, c.want)
		}
		if !json.Valid([]byte(got[1:])) {
			t.Errorf("not JSON: %s", got)
		}
	}
}

func TestParseMessageReadsWhatTheServerWrites(t *testing.T) {
	in := classifier.Estimate{SensorTime: 1698501144402000000, Activity: classifier.Cycle, P: classifier.Probabilities{0.125, 0, 0, 0.875, 0},
		CadenceSPM: math.NaN(), CadenceConfidence: 0, BPM: 0, SpeedMPS: 6.5}
	m, err := ParseMessage(AppendEstimate(nil, &in, 1698501144.402))
	if err != nil {
		t.Fatal(err)
	}
	if m.Type != TypeEstimate || m.T != 1698501144.402 || !math.IsNaN(m.Estimate.CadenceSPM) {
		t.Errorf("got %+v", m)
	}
	m.Estimate.CadenceSPM, in.CadenceSPM = 0, 0
	if m.Estimate != in {
		t.Errorf("got %+v, want %+v", m.Estimate, in)
	}
	m, err = ParseMessage(AppendRefused(nil, "location", CodeNotGranted))
	if err != nil || m != (Message{Type: TypeRefused, Category: "location", Code: CodeNotGranted}) {
		t.Errorf("got %+v, %v", m, err)
	}
	m, err = ParseMessage(AppendDraining(nil, 4.25))
	if err != nil || m != (Message{Type: TypeDraining, ReconnectAfterS: 4.3}) {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestParseMessage(t *testing.T) {
	for _, c := range []struct {
		line string
		want Message
		fail string // code of the error
	}{
		{` { "later" : [1,{"a":null}] , "type" : "refused" , "category" : "acceleration" , "code" : "new_code" } `,
			Message{Type: TypeRefused, Category: "acceleration", Code: "new_code"}, ""},
		{`{"type":"estimate","t":1,"activity":"still","p":{"still":1,"swim":0.5},"cadence_spm":0,"bpm":170,"speed_mps":0}`,
			Message{Type: TypeEstimate, T: 1, Estimate: classifier.Estimate{SensorTime: 1e9, Activity: classifier.Still, P: classifier.Probabilities{1}, BPM: 170}}, ""},
		{`{"type":"draining"}`, Message{Type: TypeDraining}, ""},
		{`{"type":"greeting"}`, Message{}, CodeUnsupported},
		{`{}`, Message{}, CodeUnsupported},
		{``, Message{}, CodeMalformed},
		{`[]`, Message{}, CodeMalformed},
		{`{"type":"refused"} x`, Message{}, CodeMalformed},
		{`{"type":7}`, Message{}, CodeMalformed},
		{`{"type":"estimate","t":"1"}`, Message{}, CodeMalformed},
		{`{"type":"estimate","t":null}`, Message{}, CodeMalformed},
		{`{"type":"estimate","t":1e30}`, Message{}, CodeMalformed},
		{`{"type":"estimate","activity":"swim"}`, Message{}, CodeMalformed},
		{`{"type":"estimate","bpm":1.5}`, Message{}, CodeMalformed},
		{`{"type":"estimate","p":[1]}`, Message{}, CodeMalformed},
		{`{"type":"estimate","p":{"walk":null}}`, Message{}, CodeMalformed},
	} {
		got, err := ParseMessage([]byte(c.line))
		var e *Error
		if c.fail == "" && err != nil || c.fail != "" && (!errors.As(err, &e) || e.Code != c.fail) {
			t.Errorf("%s: error %v, want %q", c.line, err, c.fail)
		}
		if got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.line, got, c.want)
		}
	}
}

func TestMessagesDoNotAllocate(t *testing.T) {
	e := classifier.Estimate{Activity: classifier.Run, CadenceSPM: 163.4, BPM: 163, SpeedMPS: 3.1}
	line := AppendEstimate(nil, &e, 1698501144.402)
	if n := testing.AllocsPerRun(100, func() { line = AppendEstimate(line[:0], &e, 1698501144.402) }); n != 0 {
		t.Errorf("AppendEstimate: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := ParseMessage(line); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("ParseMessage: %v allocations", n)
	}
}

func TestAppendControl(t *testing.T) {
	for control, want := range map[Control]string{ControlWithdraw: `{"type":"withdraw"}`, ControlEnd: `{"type":"end"}`} {
		if got := string(AppendControl(nil, control)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	defer func() {
		if fault, _ := recover().(string); !strings.HasPrefix(fault, "wire: ") {
			t.Errorf("ControlNone does not panic as it should: %q", fault)
		}
	}()
	AppendControl(nil, ControlNone)
}
