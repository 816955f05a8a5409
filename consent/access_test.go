package consent

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// certified returns the files of a certificate for the loopback and of its key,
// signed by a parent, or by itself without one.
func certified(t *testing.T, name string, parent *x509.Certificate, signer *ecdsa.PrivateKey) (cert, key string, made *x509.Certificate, private *ecdsa.PrivateKey) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: parent == nil, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if parent == nil {
		parent, signer = template, private
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &private.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	if made, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	cert = writeFile(t, name+".pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	key = writeFile(t, name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})))
	return cert, key, made, private
}

// Servers that speak TLS are believed only with a certificate of the named
// authority, and get the client certificate that they ask for.
func TestTheClusterOverTLS(t *testing.T) {
	ca, _, authority, signer := certified(t, "authority", nil, nil)
	cert, key, _, _ := certified(t, "server", authority, signer)
	own, ownKey, _, _ := certified(t, "node", authority, signer)
	stranger, _, _, _ := certified(t, "stranger", nil, nil)
	c := startCluster(t, 1, fmt.Sprintf("tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }", cert, key, ca))
	address := c.url()
	secure := strings.Replace(address, "nats://", "tls://", 1)
	for _, test := range []struct {
		url    string
		access NATSAccess
		says   string // nothing when it is good
	}{
		{address, NATSAccess{CA: ca, Cert: own, Key: ownKey}, ""},
		{secure, NATSAccess{CA: ca, Cert: own, Key: ownKey}, ""},
		{address, NATSAccess{}, "certificate"},                                    // not one of the system's authorities
		{secure, NATSAccess{CA: stranger, Cert: own, Key: ownKey}, "certificate"}, // not that one's
		{secure, NATSAccess{CA: ca}, "tls"},                                       // and no client certificate: the server hangs up, and may say why
		{secure, NATSAccess{CA: ca, Cert: own, Key: ca}, "client cert"},           // not its key
		{secure, NATSAccess{CA: "/nowhere", Cert: own, Key: ownKey}, "/nowhere"},  // no file
	} {
		l, err := OpenLedger(t.Context(), LedgerConfig{Dir: t.TempDir(), NATSURL: test.url, NATS: test.access})
		if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%s %+v: %v, want %q", test.url, test.access, err, test.says)
		}
		if err == nil {
			give(t, l, "ada", Acceleration)
			closeTest(t, l)
		}
	}
	// A server without TLS is none for somebody who asks for it.
	plain := startCluster(t, 1, "")
	_, err := OpenLedger(t.Context(), LedgerConfig{Dir: t.TempDir(), NATSURL: plain.url(), NATS: NATSAccess{CA: ca}})
	wantCode(t, err, CodeLedgerUnavailable)
	if err == nil || !strings.Contains(err.Error(), "secure connection") {
		t.Error(err)
	}
}

// Accounts that an operator issues as JWTs are got into with a credentials file.
func TestCredentialsOfAnOperator(t *testing.T) {
	pair := func(create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
		t.Helper()
		keys, err := create()
		if err != nil {
			t.Fatal(err)
		}
		public, err := keys.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		return keys, public
	}
	encoded := func(claims jwt.Claims, signer nkeys.KeyPair) string {
		t.Helper()
		token, err := claims.Encode(signer)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	operatorKeys, operator := pair(nkeys.CreateOperator)
	systemKeys, system := pair(nkeys.CreateAccount)
	accountKeys, account := pair(nkeys.CreateAccount)
	userKeys, user := pair(nkeys.CreateUser)
	_ = systemKeys

	operatorClaims := jwt.NewOperatorClaims(operator)
	operatorClaims.SystemAccount = system
	accountClaims := jwt.NewAccountClaims(account)
	accountClaims.Name = "RUN"
	accountClaims.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: 1 << 30, MemoryStorage: 1 << 20, Streams: 2, Consumer: 100}
	systemClaims := jwt.NewAccountClaims(system)
	userClaims := jwt.NewUserClaims(user)
	seed, err := userKeys.Seed()
	if err != nil {
		t.Fatal(err)
	}
	creds, err := jwt.FormatUserConfig(encoded(userClaims, accountKeys), seed)
	if err != nil {
		t.Fatal(err)
	}
	c := startCluster(t, 1, fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: { %s: %s, %s: %s }\n",
		encoded(operatorClaims, operatorKeys), system, account, encoded(accountClaims, operatorKeys), system, encoded(systemClaims, operatorKeys)))
	config := LedgerConfig{NATSURL: c.url(), NATS: NATSAccess{Credentials: writeFile(t, "run.creds", string(creds))}}
	if report := initCluster(t, config); report.Account != "account RUN" || report.Storage != 1<<30 {
		t.Errorf("%+v", report)
	}
	l := openTest(t, config)
	give(t, l, "ada", Acceleration)
	wantReason(t, l, "ada", Acceleration, Allowed)

	config.NATS = NATSAccess{Credentials: writeFile(t, "broken.creds", "none")}
	_, err = OpenLedger(t.Context(), LedgerConfig{Dir: t.TempDir(), NATSURL: c.url(), NATS: config.NATS})
	wantCode(t, err, CodeLedgerUnavailable)
}
