package chart_test

import (
	"bytes"
	"fmt"

	"github.com/tempogate/tempogate/bench/evaluation/chart"
)

func ExamplePicture() {
	picture := chart.Confusion(chart.Matrix{
		Title:  "Two activities",
		Truths: []string{"walk", "run"}, Answers: []string{"walk", "run", "unknown"},
		Shares: [][]float64{{0.97, 0.02, 0.01}, {0.01, 0.99, 0}},
	})
	text, err := picture.SVG()
	fmt.Println(bytes.HasPrefix(text, []byte("<?xml")), err)
	// Output: true <nil>
}
