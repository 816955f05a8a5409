package ingest

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
)

// Every metric that the dashboard shows is there under that name, and every
// metric of ours is on the dashboard or in the operator's guide.
func TestDashboardShowsWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("../deploy/grafana/tempogate.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	n := startNode(t, nil)
	s := n.stream(n.person("anna", consent.Acceleration), client.StreamOptions{})
	sendWalk(t, n, s, noon, 2)
	there := n.get(n.admin + "/metrics")
	metric := regexp.MustCompile(`(tempogate|process)_[a-z_]+`)
	shown := map[string]bool{}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			for _, name := range metric.FindAllString(target.Expr, -1) {
				shown[name] = true
				if !strings.Contains(there, "\n# TYPE "+name+" ") && name != "tempogate_samples_refused_total" { // which appears with the first refusal
					t.Errorf("the dashboard shows %s, which is not there", name)
				}
			}
		}
	}
	guide, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`# TYPE (tempogate_[a-z_]+) `).FindAllStringSubmatch(there, -1) {
		if name := m[1]; !shown[name] && !strings.Contains(string(guide), name) {
			t.Errorf("%s is neither on the dashboard nor in the operator's guide", name)
		}
	}
}
