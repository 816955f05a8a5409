package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rogpeppe/go-internal/testscript"
)

// instead, where it ends the process, makes the test binary something else.
var instead = func() {}

func TestMain(m *testing.M) {
	instead()
	testscript.Main(m, map[string]func(){"tempogate": main})
}

// TestScripts runs the scripts under testdata/script, one a topic. Beside the
// usual commands of testscript they have:
//
//	walking FILE SECONDS      writes an invented walk as CSV
//	certificate CERT KEY      writes a certificate for localhost
//	ready FILE                waits for the ready file of a server, and puts its
//	                          addresses into TEMPOGATE_URL, ADDRESS and ADMIN
//	setenv NAME FILE          sets a variable to what a file holds
//	provider FILE             starts an OpenID Connect provider, puts its address
//	                          into ISSUER, and writes a token of it
//	sums FOLDER               writes SHA256SUMS for the notices in a folder, as sha256sum would
//	nats FILE                 starts a NATS server with JetStream and what the file has,
//	                          and puts its address into NATS
//	get URL                   prints what is at an address
//	until URL PATTERN         waits until what is at an address matches
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("TEMPOGATE_DATA_DIR", env.WorkDir+"/data")
			env.Setenv("TEMPOGATE_LISTEN", "127.0.0.1:0")
			env.Setenv("TEMPOGATE_ADMIN", "127.0.0.1:0")
			env.Setenv("TEMPOGATE_READY_FILE", env.WorkDir+"/ready")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"walking": func(ts *testscript.TestScript, _ bool, args []string) {
				seconds, err := strconv.Atoi(args[1])
				ts.Check(err)
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), walkingCSV(seconds), 0o644))
			},
			"certificate": func(ts *testscript.TestScript, _ bool, args []string) {
				cert, key, err := selfSigned()
				ts.Check(err)
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), cert, 0o644))
				ts.Check(os.WriteFile(ts.MkAbs(args[1]), key, 0o600))
			},
			"ready": func(ts *testscript.TestScript, _ bool, args []string) {
				var ready struct{ URL, Admin string }
				ages(ts, "the server to be ready", func() bool {
					text, err := os.ReadFile(ts.MkAbs(args[0]))
					return err == nil && json.Unmarshal(text, &ready) == nil
				})
				ts.Check(os.Remove(ts.MkAbs(args[0])))
				ts.Setenv("TEMPOGATE_URL", ready.URL)
				ts.Setenv("ADDRESS", strings.TrimPrefix(ready.URL, "http://"))
				ts.Setenv("ADMIN", ready.Admin)
			},
			"setenv": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
			},
			"provider": func(ts *testscript.TestScript, _ bool, args []string) {
				startProvider(ts, args[0])
			},
			"nats": func(ts *testscript.TestScript, _ bool, args []string) {
				options := &server.Options{}
				ts.Check(options.ProcessConfigString(fmt.Sprintf("listen: \"127.0.0.1:-1\"\njetstream { store_dir: %q }\n%s",
					ts.MkAbs("nats"), ts.ReadFile(args[0]))))
				options.NoSigs, options.NoLog = true, true
				s, err := server.NewServer(options)
				ts.Check(err)
				go s.Start()
				ts.Defer(func() { s.Shutdown(); s.WaitForShutdown() })
				ages(ts, "the NATS server", func() bool { return s.ReadyForConnections(time.Second) })
				ts.Setenv("NATS", s.Addr().String())
			},
			"sums": func(ts *testscript.TestScript, _ bool, args []string) {
				folder := ts.MkAbs(args[0])
				files, err := filepath.Glob(filepath.Join(folder, "*.json"))
				ts.Check(err)
				var sums bytes.Buffer
				for _, file := range files {
					content, err := os.ReadFile(file)
					ts.Check(err)
					fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), filepath.Base(file))
				}
				ts.Check(os.WriteFile(filepath.Join(folder, "SHA256SUMS"), sums.Bytes(), 0o644))
			},
			"get": func(ts *testscript.TestScript, _ bool, args []string) {
				body, err := get(args[0])
				ts.Check(err)
				ts.Stdout().Write(body)
			},
			"until": func(ts *testscript.TestScript, _ bool, args []string) {
				pattern := regexp.MustCompile("(?m)" + args[1])
				ages(ts, args[1], func() bool {
					body, err := get(args[0])
					return err == nil && pattern.Match(body)
				})
			},
		},
	})
}

// ages waits for something longer than any machine needs.
func ages(ts *testscript.TestScript, what string, holds func() bool) {
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("waited for ages for %s", what)
		}
	}
}

func get(url string) ([]byte, error) {
	resp, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// walkingCSV returns an invented walk: two steps a second, 50 Hz.
func walkingCSV(seconds int) []byte {
	var b bytes.Buffer
	b.WriteString("t,ax,ay,az\n")
	for i := range 50 * seconds {
		t := float64(i) / 50
		fmt.Fprintf(&b, "%.2f,%.3f,%.3f,%.3f\n", t,
			0.4*math.Sin(2*math.Pi*t), 9.81+2.5*math.Sin(2*math.Pi*2*t), 0.3*math.Cos(2*math.Pi*t))
	}
	return b.Bytes()
}

// selfSigned returns a certificate for localhost and its key, in PEM form.
func selfSigned() (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), nil
}

// What ends with which exit code: 0 good, 1 failed, 2 wrong usage. Scripts can
// tell only good from bad.
func TestExitCodes(t *testing.T) {
	t.Setenv("TEMPOGATE_DATA_DIR", t.TempDir())
	file := t.TempDir() + "/a.csv"
	if err := os.WriteFile(file, walkingCSV(1), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args   string
		code   int
		stdout string // on standard output, when good
		stderr string // on standard error, when not
	}{
		{"--help", 0, "Usage: tempogate", ""},
		{"serve --help", 0, "TEMPOGATE_LISTEN", ""},
		{"--version", 0, "go1", ""},
		{"token --subject anna", 0, ".", ""},
		{"token --subject rotate --ttl 720h", 0, ".", ""}, // a person, not the command
		{"token print --subject anna", 0, ".", ""},
		{"token rotate", 0, "", ""},
		{"token recipient coach", 0, ".", ""},

		{"", 2, "", "expected one of"},
		{"dance", 2, "", "unexpected argument dance"},
		{"serve --dance", 2, "", "unknown flag --dance"},
		{"serve surplus", 2, "", "unexpected argument surplus"},
		{"serve --idle-timeout soon", 2, "", "--idle-timeout"},
		{"serve --max-sessions 0", 2, "", "--max-sessions must be above 0"},
		{"serve --tls-cert " + file, 2, "", "belong together"},
		{"serve --oidc-issuer https://login.example", 2, "", "belong together"},
		{"serve --oidc-audience app", 2, "", "belong together"},
		{"serve --tls-cert /nowhere --tls-key /nowhere", 2, "", "/nowhere"},
		{"--log-level loud token --subject anna", 2, "", "--log-level"},
		{"token", 2, "", "--subject"},
		{"token --subject anna --ttl=-1h", 2, "", "--ttl"},
		{"token recipient", 2, "", "<name>"},
		{"token recipient coach --ttl=-1h", 2, "", "--ttl"},
		{"serve --notices /nowhere", 2, "", "/nowhere"},
		{"cluster init", 2, "", "--nats says which cluster"},
		{"cluster permissions", 2, "", "--keys"},
		{"serve --nats nats://127.0.0.1:1 --nats-user a --nats-nkey " + file, 2, "", "exclude each other"},
		{"serve --nats nats://127.0.0.1:1 --nats-password a", 2, "", "needs --nats-user"},
		{"serve --nats nats://127.0.0.1:1 --nats-cert " + file, 2, "", "belong together"},
		{"serve --nats-user a", 2, "", "need --nats"},
		{"receive --recipient coach", 2, "", "--recipient needs --nats"},
		{"ledger export", 2, "", "<file>"},
		{"ledger import /nowhere", 2, "", "/nowhere"},
		{"consent", 2, "", "expected one of"},
		{"consent verify", 2, "", "<file>"},
		{"replay", 2, "", "<file>"},
		{"replay --speed=-1 " + file, 2, "", "--speed must not be negative"},
		{"replay --form morse " + file, 2, "", "--form"},
		{"replay --fixes " + file + " " + file + " " + file, 2, "", "--fixes goes with one recording"},

		{"token --subject=", 1, "", "subject"},
		{"token --subject anna --ttl 721h", 1, "", "720h"},
		{"serve --oidc-issuer http://login.example --oidc-audience app", 1, "", "has to be https"},
		{"serve --oidc-issuer http://127.0.0.1:1 --oidc-audience app", 1, "", "http://127.0.0.1:1 cannot be used"},
		{"serve --nats nats://127.0.0.1:1", 1, "", "no connection"},
		{"cluster init --nats nats://127.0.0.1:1", 1, "", "no connection"},
		{"cluster permissions --recipient A --keys " + t.TempDir(), 1, "", "recipient"},
		{"receive --nats nats://127.0.0.1:1 --recipient coach", 1, "", "tempo cannot be received"},
		{"serve --listen nowhere:1:2", 1, "", "listen"},
		{"serve --origin example.org", 1, "", "is no origin"},
		{"serve --tls-cert " + file + " --tls-key " + file, 1, "", "TLS certificate"},
		{"consent show --url ftp://x", 1, "", "URL must be"},
		{"consent show --url http://127.0.0.1:1 --token x", 1, "", "refused"},
		{"consent show --ca " + file, 1, "", "no certificate"},
		{"consent verify /nowhere", 1, "", "no such file"},
		{"consent verify " + file, 1, "", "receipt"},
		{"replay /nowhere", 1, "", "no such file"},
		{"replay --url http://127.0.0.1:1 " + file, 1, "", "refused"},
	} {
		t.Run(test.args, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(strings.Fields(test.args), strings.NewReader(""), &stdout, &stderr)
			if code != test.code || !strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) {
				t.Errorf("exit %d, want %d\nstdout: %s\nstderr: %s", code, test.code, &stdout, &stderr)
			}
			if code != 0 && stdout.Len() > 0 {
				t.Errorf("a failure printed a result: %s", &stdout)
			}
		})
	}
}
