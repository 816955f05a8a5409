package client_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tempogate/tempogate/ingest/client"
)

// The calls for devices read what openapi.yaml says is answered.
func TestDeviceCalls(t *testing.T) {
	answers := map[string]string{
		"POST /v1/identity": `{"token":"abc","expires_at":"2026-12-01T00:00:00Z"}`,
		"GET /v1/held":      `{"sessions":1,"readings":128}`,
		"POST /v1/push":     `{"url":"http://x/v1/push/abc","expires_at":"2026-12-01T00:00:00Z","qr":["10","01"]}`,
		"GET /v1/push": `{"live":true,"pushes":3,"last_s":1.5,"waiting":1,"refused":"",
			"estimate":{"type":"estimate","t":12.0,"activity":"run","p":{"still":0,"walk":0.02,"run":0.97,"cycle":0,"transit":0.01},"cadence_spm":163.4,"cadence_confidence":0.93,"bpm":163,"speed_mps":3.1}}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(json.RawMessage(answers[r.Method+" "+r.URL.Path]))
	}))
	defer server.Close()
	c, err := client.New(client.Config{URL: server.URL, Token: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := t.Context()
	if got, err := c.NewIdentity(ctx); err != nil || got.Token != "abc" || got.ExpiresAt.Month() != time.December {
		t.Errorf("NewIdentity: %+v, %v", got, err)
	}
	if got, err := c.Held(ctx); err != nil || got != (client.Held{Sessions: 1, Readings: 128}) {
		t.Errorf("Held: %+v, %v", got, err)
	}
	if got, err := c.NewPushLink(ctx); err != nil || got.URL != "http://x/v1/push/abc" || len(got.QR) != 2 {
		t.Errorf("NewPushLink: %+v, %v", got, err)
	}
	got, err := c.Pushed(ctx)
	if err != nil || !got.Live || got.Pushes != 3 || got.Waiting != 1 || got.Last != 1500*time.Millisecond {
		t.Fatalf("Pushed: %+v, %v", got, err)
	}
	if got.Estimate == nil || got.Estimate.Estimate.BPM != 163 {
		t.Errorf("Pushed: the estimate is %+v", got.Estimate)
	}
	answers["GET /v1/push"] = `{"live":false,"pushes":0,"last_s":0,"waiting":0,"refused":"withdrawn"}`
	if got, err = c.Pushed(ctx); err != nil || got.Estimate != nil || got.Refused != "withdrawn" {
		t.Errorf("Pushed: %+v, %v", got, err)
	}
}
