package load

import (
	"bytes"
	"fmt"
	"html/template"
	"math"
	"time"

	"github.com/tempogate/tempogate/bench/evaluation/chart"
)

// page is the report for a browser: one file, with its pictures in it.
var page = template.Must(template.New("report").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>tempogate load: {{.Sessions}} sessions</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
pre{background:#f5f5f5;padding:1rem;overflow-x:auto}svg{width:100%;height:auto}
.failed{color:#b00020;font-weight:bold}.passed{color:#00694a}
</style>
<h1>Load test: {{.Sessions}} sessions, {{.Duration}}</h1>
<p>{{.Began}}{{with .Command}}<br><code>{{.}}</code>{{end}}</p>
{{range .Outcomes}}<p class="{{if .Failed}}failed{{else}}passed{{end}}">{{if .Failed}}failed{{else}}passed{{end}}: fail if {{.Threshold}}: {{.Value}}</p>
{{end}}{{range .Pictures}}{{.}}
{{end}}<pre>{{.Text}}</pre>
</html>
`))

// HTML returns the report as one self-contained page with pictures.
func (r *Report) HTML() ([]byte, error) {
	var pictures []template.HTML
	for _, picture := range []*chart.Picture{r.latencyOverTime(), r.latencyByQuantile(), r.loadOverTime()} {
		svg, err := picture.SVG()
		if err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
		if at := bytes.Index(svg, []byte("<svg")); at > 0 {
			svg = svg[at:]
		}
		pictures = append(pictures, template.HTML(svg))
	}
	var b bytes.Buffer
	err := page.Execute(&b, struct {
		*Report
		Began    string
		Pictures []template.HTML
		Text     string
	}{r, r.Began.UTC().Format(time.RFC1123), pictures, string(r.AppendText(nil))})
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return b.Bytes(), nil
}

func milliseconds(d time.Duration) float64 {
	if d == 0 {
		return math.NaN()
	}
	return float64(d) / float64(time.Millisecond)
}

func (r *Report) latencyOverTime() *chart.Picture {
	lines := []chart.Line{{Name: "median"}, {Name: "p99"}, {Name: "longest"}}
	for i := range r.Seconds {
		s := &r.Seconds[i]
		for k, q := range []float64{50, 99, 100} {
			lines[k].X = append(lines[k].X, float64(s.Second))
			lines[k].Y = append(lines[k].Y, milliseconds(s.Quantile(Latency, q)))
		}
	}
	return chart.Lines("From the moment a frame was due to its estimate", chart.Axis{Label: "seconds since the first session"},
		chart.Axis{Label: "milliseconds", Log: true}, lines...)
}

func (r *Report) latencyByQuantile() *chart.Picture {
	lines := []chart.Line{{Name: "from when it was due"}, {Name: "from when it was sent"}}
	for nines := 0.0; nines <= 5; nines += 0.05 { // 0 to 99.999 %
		q := 100 * (1 - math.Pow(10, -nines))
		for i, trend := range []Trend{Latency, ServiceTime} {
			lines[i].X = append(lines[i].X, math.Pow(10, nines))
			lines[i].Y = append(lines[i].Y, milliseconds(r.Measured.Quantile(trend, q)))
		}
	}
	return chart.Lines("Latency by quantile, after the ramp", chart.Axis{Label: "quantile", Log: true, Marks: map[float64]string{
		1: "0", 10: "90 %", 100: "99 %", 1000: "99.9 %", 10000: "99.99 %", 100000: "99.999 %",
	}}, chart.Axis{Label: "milliseconds", Log: true}, lines...)
}

func (r *Report) loadOverTime() *chart.Picture {
	lines := []chart.Line{{Name: "sessions"}, {Name: "frames due a second"}, {Name: "answered a second"}, {Name: "shed a second"}}
	for i := range r.Seconds {
		s := &r.Seconds[i]
		for k, n := range []int64{s.Sessions, s.Counts[Frames], s.Counts[Answered], s.Counts[Shed]} {
			lines[k].X = append(lines[k].X, float64(s.Second))
			lines[k].Y = append(lines[k].Y, float64(n))
		}
	}
	return chart.Lines("Load", chart.Axis{Label: "seconds since the first session"}, chart.Axis{}, lines...)
}
