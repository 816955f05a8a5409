package residue

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tempogate/tempogate/consent/identity"
)

// A Server is one that was started to be searched.
type Server struct {
	URL     string
	TLS     *tls.Config // that trusts it, for https
	PID     int
	DataDir string

	command *exec.Cmd
	issuer  *identity.Issuer
	ended   chan error
	drained bool
	log     tail
}

// startTimeout is how long a server may take to come up.
const startTimeout = 30 * time.Second

// Start starts a server whose memory may be read: command is "tempogate serve"
// and further flags. What it keeps goes into dir, which has to be empty. Over
// TLS it has a certificate of its own.
func Start(ctx context.Context, command []string, dir string, secure bool) (*Server, error) {
	ready := filepath.Join(dir, "ready")
	s := &Server{DataDir: filepath.Join(dir, "data"), ended: make(chan error, 1)}
	args := append(command[1:len(command):len(command)], "--listen", "127.0.0.1:0", "--admin", "", "--data-dir", s.DataDir,
		"--ready-file", ready, "--inspectable")
	if secure {
		roots, err := writeCertificate(dir)
		if err != nil {
			return nil, fmt.Errorf("residue: certificate: %w", err)
		}
		s.TLS = &tls.Config{RootCAs: roots}
		args = append(args, "--tls-cert", filepath.Join(dir, "tls.crt"), "--tls-key", filepath.Join(dir, "tls.key"))
	}
	s.command = exec.CommandContext(ctx, command[0], args...)
	s.command.Stderr = &s.log
	s.command.Cancel = func() error { return s.command.Process.Signal(syscall.SIGTERM) }
	s.command.WaitDelay = 15 * time.Second
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("residue: start a server: %w", err)
	}
	go func() { s.ended <- s.command.Wait() }()
	s.PID = s.command.Process.Pid
	var addresses struct{ URL string }
	for deadline := time.Now().Add(startTimeout); ; {
		text, err := os.ReadFile(ready)
		if err == nil {
			err = json.Unmarshal(text, &addresses)
		}
		if err == nil {
			break
		}
		select {
		case <-s.ended:
			return nil, fmt.Errorf("residue: the server ended as soon as it was started: %s", s.log.text)
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.Stop()
			return nil, errors.New("residue: the server does not come up")
		}
	}
	s.URL = addresses.URL
	var err error
	if s.issuer, err = identity.OpenIssuer(s.DataDir); err != nil {
		s.Stop()
		return nil, fmt.Errorf("residue: %w", err)
	}
	return s, nil
}

// Token returns a token of a person, counted from 0.
func (s *Server) Token(person int) (string, error) {
	return s.issuer.Token(fmt.Sprintf("residue-%d", person), time.Hour)
}

// Drain tells the server to go away, and does not wait for it. Once is enough: a
// second signal would end it at once.
func (s *Server) Drain() error {
	if s.drained {
		return nil
	}
	s.drained = true
	return s.command.Process.Signal(syscall.SIGTERM)
}

// Interrupt sends each thread of the server a signal of which it takes no notice.
// Whatever thread takes it leaves its registers in memory, until it takes another one.
func (s *Server) Interrupt() { interrupt(s.PID) }

// Stop ends the server.
func (s *Server) Stop() error {
	s.Drain() // it may have ended already
	select {
	case err := <-s.ended:
		return err
	case <-time.After(startTimeout):
		s.command.Process.Kill()
		return errors.New("residue: the server did not end by itself")
	}
}

// tail keeps the end of what a server says, for an error message.
type tail struct{ text []byte }

// Write keeps the end.
func (t *tail) Write(p []byte) (int, error) {
	const most = 2 << 10
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-most):]
	return len(p), nil
}

// writeCertificate writes a certificate for the loopback address and its key into
// a folder, and returns the roots that trust it.
func writeCertificate(dir string) (*x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	for name, block := range map[string]*pem.Block{
		"tls.crt": {Type: "CERTIFICATE", Bytes: der},
		"tls.key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return nil, err
		}
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	return roots, nil
}
