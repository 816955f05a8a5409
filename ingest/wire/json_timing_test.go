package wire

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
)

// sensorLoggerBatch makes a batch as the Sensor Logger app writes it: floats
// of 32 bits printed by JavaScript, that is with 16 or 17 digits.
func sensorLoggerBatch(samples, fixes, others int) []byte {
	b := []byte(`{"messageId":7,"sessionId":"3e1c8a52-9a75-4a53-8a0c-1b3f5d7c9e11","deviceId":"5b0d2f44-6a1e-4c7b-b1a9-0d2e4f6a8c33","payload":[`)
	number := func(v float64) []byte {
		out, err := json.Marshal(float64(float32(v)))
		if err != nil {
			panic(err)
		}
		return out
	}
	comma := ""
	for i := range samples {
		phase := float64(i) * 0.17
		b = fmt.Appendf(b, `%s{"name":"totalacceleration","time":%d,"values":{"x":%s,"y":%s,"z":%s}}`, comma,
			1698501144401773000+int64(i)*10069000, number(1.1*math.Sin(phase)), number(-9.7+3*math.Sin(2*phase)), number(0.4+0.7*math.Cos(phase)))
		comma = ","
	}
	for i := range fixes {
		b = fmt.Appendf(b, `%s{"name":"location","time":%d,"values":{"bearingAccuracy":0,"speedAccuracy":0.5,"verticalAccuracy":1.773818016052246,"horizontalAccuracy":15.102999687194824,"speed":2.9000000953674316,"bearing":%d,"altitude":214.1999969482422,"longitude":4.%07d,"latitude":52.1%06d}}`, comma,
			1698501144414000000+int64(i)*1000000000, 90, 9000000+i*400, 1000+i*30)
		comma = ","
	}
	for i := range others {
		b = fmt.Appendf(b, `%s{"name":"gyroscope","time":%d,"values":{"x":%s,"y":%s,"z":%s}}`, comma,
			1698501144401773000+int64(i)*10069000, number(math.Sin(float64(i))), number(math.Cos(float64(i))), number(0.001*float64(i)))
		comma = ","
	}
	return append(b, `]}`...)
}

func benchmarkJSON(b *testing.B, text []byte, perOp int) {
	var d Decoder
	var batch Batch
	var scratch Scratch
	all := Allowed{Acceleration: true, Location: true}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		d.Clear()
		batch.Clear()
		if err := d.Decode(&batch, &scratch, false, text, all); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(perOp), "ns/sample")
}

// The budget is 15 µs for 100 samples and no allocation. 0 allocs.
func BenchmarkDecodeJSON100(b *testing.B)    { benchmarkJSON(b, sensorLoggerBatch(100, 1, 0), 100) }
func BenchmarkDecodeJSONOthers(b *testing.B) { benchmarkJSON(b, sensorLoggerBatch(100, 1, 100), 200) }
