package wire

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/classifier"
)

// Errors have to fit into a close frame.
func TestErrorsAreShort(t *testing.T) {
	for f := faultSyntax; int(f) < len(faultText); f++ {
		if faultText[f] == "" {
			t.Errorf("fault %d has no text", f)
		}
		e := f.in(make([]byte, MaxBlock), MaxBlock-1)
		if len(e.Detail) > 120 {
			t.Errorf("%q has %d bytes", e.Detail, len(e.Detail))
		}
	}
	for _, code := range []int{CloseDone, CloseGoingAway, CloseMalformed, CloseConsent, CloseIdle, CloseTooLarge, CloseTooMuch, CloseLedgerLost} {
		if n := len(CloseReason(code)); n == 0 || n > 123 {
			t.Errorf("the reason of %d has %d bytes", code, n)
		}
	}
	if CloseReason(1005) != "" {
		t.Error("a reason for a code that is never sent")
	}
	if (&Error{Code: CodeTooLarge}).CloseCode() != CloseTooLarge || (&Error{Code: CodeUnsupported}).CloseCode() != CloseMalformed {
		t.Error("an error has the wrong close code")
	}
}

// Values that stand out must not turn up in an error, whatever is wrong.
func TestErrorsQuoteNothing(t *testing.T) {
	const secret, digits = "31.41592", "3141592"
	e := NewEncoder(EncoderConfig{})
	good, err := e.AppendJSON(nil, []classifier.Sample{{SensorTime: 3141592, X: 31.41592, Y: 31.41592, Z: 31.41592}},
		[]Position{{SensorTime: 3141592, Latitude: 31.41592, Longitude: 31.41592, SpeedMPS: 31.41592, AccuracyM: 31.41592}})
	if err != nil {
		t.Fatal(err)
	}
	good = bytes.Replace(good, []byte(`"messageId"`), []byte(`"`+digits+`":"`+secret+`","messageId"`), 1)
	refused := 0
	for i := range good {
		for _, c := range []byte("\x00\"\\{}[],:9eX\xff") {
			text := bytes.Clone(good)
			text[i] = c
			var d Decoder
			var b Batch
			var s Scratch
			if err := d.Decode(&b, &s, false, text, all); err != nil {
				refused++
				if said := err.Error(); strings.Contains(said, "31") && strings.Contains(said, "415") || strings.Contains(said, digits) {
					t.Fatalf("%q quotes the frame", said)
				}
			}
		}
	}
	if refused < 1000 {
		t.Errorf("only %d texts were refused", refused)
	}
	_, err = e.AppendPacked(nil, []classifier.Sample{{SensorTime: 3141592, X: 3141592}}, nil)
	if err == nil || strings.Contains(err.Error(), digits) {
		t.Errorf("%v", err)
	}
}
