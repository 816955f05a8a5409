package wire_test

import (
	"errors"
	"fmt"
	"math"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/ingest/wire"
)

// A server decodes one frame after the other into the same memory.
func ExampleDecoder_Decode() {
	var decoder wire.Decoder // one a session
	var batch wire.Batch     // one a processor
	var scratch wire.Scratch // one a processor
	text := []byte(`{"messageId":7,"sessionId":"s","deviceId":"d","payload":[
		{"name":"totalacceleration","time":1698501144401773000,"values":{"x":0.1,"y":-9.7,"z":0.4}},
		{"name":"location","time":1698501145514000000,"values":{"latitude":52.1,"longitude":4.9,"speed":2.9}},
		{"name":"gyroscope","time":1698501144401773000,"values":{"x":0,"y":0,"z":0}}]}`)

	allowed := wire.Allowed{Acceleration: true} // and not location
	if err := decoder.Decode(&batch, &scratch, false, text, allowed); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(batch.Samples[0].Y, len(batch.Fixes), batch.RefusedLocation, batch.Ignored)
	batch.Clear()
	scratch.Clear()

	err := decoder.Decode(&batch, &scratch, false, []byte(`{"payload":[{"name":7}]}`), allowed)
	var e *wire.Error
	if errors.As(err, &e) {
		fmt.Println(e.CloseCode(), e.Detail)
	}
	// Output:
	// -9.7 0 1 1
	// 4400 name must be a string (at byte 20)
}

// A client sends a frame a second.
func ExampleEncoder_AppendPacked() {
	encoder := wire.NewEncoder(wire.EncoderConfig{ResolutionMPS2: wire.DefaultResolutionMPS2}) // one a stream
	var samples []classifier.Sample
	for i := range 100 {
		phase := 2 * math.Pi * float64(i) / 50
		samples = append(samples, classifier.Sample{SensorTime: int64(i) * 10_000_000, X: math.Sin(phase), Y: -9.8 + 3*math.Cos(phase), Z: 0.5})
	}
	fixes := []classifier.Fix{{SensorTime: 500_000_000, SpeedMPS: 2.9, EastM: 1.2, NorthM: -2.6, AccuracyM: 4.1}}
	frame, err := encoder.AppendPacked(nil, samples, fixes) // for a binary message
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(frame) < 250)

	var decoder wire.Decoder
	var batch wire.Batch
	var scratch wire.Scratch
	if err := decoder.Decode(&batch, &scratch, true, frame, wire.Allowed{Acceleration: true, Location: true}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d samples, the second at %d ns with y = %.3f; speed %v m/s\n", len(batch.Samples), batch.Samples[1].SensorTime, batch.Samples[1].Y, batch.Fixes[0].SpeedMPS)
	// Output:
	// true
	// 100 samples, the second at 10000000 ns with y = -6.823; speed 2.9 m/s
}

func ExampleEncoder_AppendJSON() {
	encoder := wire.NewEncoder(wire.EncoderConfig{SessionID: "run", DeviceID: "phone"})
	text, err := encoder.AppendJSON(nil,
		[]classifier.Sample{{SensorTime: 1698501144401773000, X: 0.1, Y: -9.7, Z: 0.4}},
		[]wire.Position{{SensorTime: 1698501145514000000, Latitude: 52.1, Longitude: 4.9, SpeedMPS: 2.9, AccuracyM: math.NaN()}})
	fmt.Println(string(text), err)
	// Output:
	// {"messageId":0,"sessionId":"run","deviceId":"phone","payload":[{"name":"totalacceleration","time":1698501144401773000,"values":{"x":0.1,"y":-9.7,"z":0.4}},{"name":"location","time":1698501145514000000,"values":{"latitude":52.1,"longitude":4.9,"speed":2.9,"horizontalAccuracy":-1}}]} <nil>
}

func ExampleAppendEstimate() {
	estimate := classifier.Estimate{
		Activity: classifier.Run, P: classifier.Probabilities{0, 0.02, 0.97, 0, 0.01},
		CadenceSPM: 163.38, CadenceConfidence: 0.93, BPM: 163, SpeedMPS: math.NaN(),
	}
	fmt.Println(string(wire.AppendEstimate(nil, &estimate, 12)))
	// Output:
	// {"type":"estimate","t":12.0,"activity":"run","p":{"still":0,"walk":0.02,"run":0.97,"cycle":0,"transit":0.01},"cadence_spm":163.4,"cadence_confidence":0.93,"bpm":163,"speed_mps":null}
}

func ExampleParseMessage() {
	for _, line := range []string{
		`{"type":"estimate","t":12.0,"activity":"run","cadence_spm":163.4,"bpm":163}`,
		`{"type":"refused","category":"location","code":"not_granted"}`,
		`{"type":"draining","reconnect_after_s":4.2}`,
	} {
		message, err := wire.ParseMessage([]byte(line))
		if err != nil {
			fmt.Println(err)
			return
		}
		switch message.Type {
		case wire.TypeEstimate:
			fmt.Println(message.Estimate.Activity, message.Estimate.BPM)
		case wire.TypeRefused:
			fmt.Println("do not send", message.Category)
		case wire.TypeDraining:
			fmt.Println("reconnect in", message.ReconnectAfterS, "s")
		}
	}
	// Output:
	// run 163
	// do not send location
	// reconnect in 4.2 s
}
