package dataset

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkRead measures the tables that most recordings come in, from
// unpacked text in memory. Allocations are those of the samples themselves.
func BenchmarkRead(b *testing.B) {
	for _, bench := range []struct{ name, title, row string }{
		{"csv", "t,ax,ay,az\n", "%.4f,-0.12345,9.87654,0.54321\n"},
		{"phyphox", "\"Time (s)\";\"X (m/s^2)\";\"Y (m/s^2)\";\"Z (m/s^2)\"\n", "%.4f;-1,234567890E-1;9,876543210E0;5,432109876E-1\n"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var text strings.Builder
			text.WriteString(bench.title)
			for i := range 100_000 {
				fmt.Fprintf(&text, bench.row, float64(i)/100)
			}
			b.SetBytes(int64(text.Len()))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := readBytes(text.String(), Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
