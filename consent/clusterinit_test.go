package consent

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Setting up a cluster makes what is not there, leaves what is, and mends what
// would not hold.
func TestInitClusterMayBeRepeated(t *testing.T) {
	t.Parallel() // mostly it waits
	c := startCluster(t, 3, "")
	config := LedgerConfig{Dir: t.TempDir(), NATSURL: c.url()}

	// Nobody has set it up, and a node does not do it by itself.
	_, err := OpenLedger(t.Context(), config)
	wantCode(t, err, CodeLedgerUnavailable)
	if err == nil || !strings.Contains(err.Error(), "tempogate cluster init") {
		t.Errorf("a cluster without streams: %v", err)
	}
	_, err = AuditCluster(t.Context(), config)
	wantCode(t, err, CodeLedgerUnavailable)

	few := config
	few.Replicas = 1
	report := initCluster(t, few)
	if report.Cluster != "test" || len(report.Streams) != 2 || report.Warning == "" {
		t.Errorf("%+v", report)
	}
	_, err = OpenLedger(t.Context(), config)
	if err == nil || !strings.Contains(err.Error(), "kept by 1 of the servers, 3 are wanted") {
		t.Errorf("a node on streams with one replica: %v", err)
	}

	report = initCluster(t, config)
	for _, s := range report.Streams {
		if !s.Found || s.Replicas != 3 || s.Current != 3 || len(s.Mended) != 1 || s.Leader == "" {
			t.Errorf("scaled up: %+v", s)
		}
	}
	if report.Warning != "" || report.Account == "" || report.Server == "" {
		t.Errorf("%+v", report)
	}
	report = initCluster(t, config)
	for _, s := range report.Streams {
		if !s.Found || s.Replicas != 3 || len(s.Mended) != 0 {
			t.Errorf("the third time: %+v", s)
		}
	}
	if s := initCluster(t, few).Streams[0]; s.Replicas != 3 || len(s.Mended) != 0 {
		t.Errorf("asked for fewer: %+v", s)
	}

	l := openTest(t, config)
	give(t, l, "ada", Acceleration)
	wantReason(t, l, "ada", Acceleration, Allowed)
	audit, err := AuditCluster(t.Context(), config)
	if own, ownErr := l.Audit(t.Context()); err != nil || ownErr != nil || audit != own || audit.People != 1 {
		t.Errorf("%+v, %v; the node itself: %+v, %v", audit, err, own, ownErr)
	}
	// The node has acknowledged more than the cluster holds.
	ahead := config
	ahead.Dir = t.TempDir()
	w, err := openWitness(ahead.file(witnessFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.note(audit.Newest+1, genesis), w.close()); err != nil {
		t.Fatal(err)
	}
	_, err = AuditCluster(t.Context(), ahead)
	wantCode(t, err, CodeLedgerDamaged)

	// While a leader is elected, nobody answers, and a change waits for it.
	c.stop(c.leader("$G"))
	give(t, l, "bea", Acceleration)
	withdraw(t, l, "ada")
	wantReason(t, l, "ada", Acceleration, Withdrawn)
	if g, err := l.Withdraw(t.Context(), "ada", "test"); err != nil || g.State != Withdrawn {
		t.Errorf("nothing to change, said by a new leader: %+v, %v", g, err)
	}
}

// Streams of the same names that are none of a ledger are refused, with the
// reason, and are not changed.
func TestStreamsThatAreNoLedger(t *testing.T) {
	c := startCluster(t, 1, "")
	conn, err := nats.Connect(c.url())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		says   string
		change func(*jetstream.StreamConfig)
	}{
		{"may forget entries", func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }},
		{"may forget entries", func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }},
		{"may forget entries", func(c *jetstream.StreamConfig) { c.MaxMsgs = 1000 }},
		{"made for something else", func(c *jetstream.StreamConfig) { c.Subjects = []string{"orders.*"} }},
		{"does not acknowledge", func(c *jetstream.StreamConfig) { c.NoAck = true }},
		{"other subjects", func(c *jetstream.StreamConfig) {
			c.RePublish = &jetstream.RePublish{Source: ">", Destination: "copy.>"}
		}},
	} {
		config := streamConfig()
		test.change(&config)
		eventually(t, "the files of the one before are gone", func() bool {
			_, err := js.CreateStream(t.Context(), config)
			return err == nil
		})
		for name, try := range map[string]func(LedgerConfig) error{
			"init": func(c LedgerConfig) error { _, err := InitCluster(t.Context(), c); return err },
			"open": func(c LedgerConfig) error { _, err := OpenLedger(t.Context(), c); return err },
		} {
			err := try(LedgerConfig{Dir: t.TempDir(), NATSURL: c.url()})
			wantCode(t, err, CodeLedgerUnavailable)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s: %v, want %q", name, err, test.says)
			}
		}
		if err := js.DeleteStream(t.Context(), streamName); err != nil {
			t.Fatal(err)
		}
	}

	// What only lets entries be deleted, or answers be old, is taken back.
	loose := streamConfig()
	loose.DenyDelete, loose.DenyPurge, loose.AllowDirect = false, false, true
	eventually(t, "the files of the one before are gone", func() bool {
		_, err := js.CreateStream(t.Context(), loose)
		return err == nil
	})
	if s := initCluster(t, LedgerConfig{NATSURL: c.url()}).Streams[0]; len(s.Mended) != 2 {
		t.Errorf("%+v", s)
	}
	_, err = InitCluster(t.Context(), LedgerConfig{NATSURL: c.url(), Replicas: 3})
	if err == nil || !strings.Contains(err.Error(), "cannot have 3 replicas") {
		t.Errorf("three replicas on one server: %v", err)
	}
}

// Two messages that are alike are two: only one that is sent again is the same.
func TestMessagesThatAreAlike(t *testing.T) {
	c := startCluster(t, 1, "")
	l := openTest(t, LedgerConfig{NATSURL: c.url()})
	body := []byte(`{"estimates":1}`)
	for i, subject := range []string{"received.coach.a", "received.coach.b"} {
		if sequence, err := l.store.put(t.Context(), subject, body, 0); err != nil || sequence != uint64(i+1) {
			t.Errorf("%s: %d, %v", subject, sequence, err)
		}
	}
	// Another node that counted the same has to learn of the first.
	if _, err := l.store.put(t.Context(), "received.coach.a", body, 0); !errors.Is(err, errMoved) {
		t.Errorf("the same count of two nodes: %v", err)
	}
}

// What is wrong with an account or with credentials is said at the start, in words
// that say what to mend, and not by silence.
func TestAccountsThatDoNotDo(t *testing.T) {
	keys := t.TempDir()
	users, err := NATSUsers(keys, []string{"coach"})
	if err != nil {
		t.Fatal(err)
	}
	account, err := AppendNATSAccount(nil, "RUN", users)
	if err != nil {
		t.Fatal(err)
	}
	seedOf := func(name string) NATSAccess {
		for _, u := range users {
			if u.Name == name {
				return NATSAccess{NKey: u.Seed}
			}
		}
		t.Fatal(name)
		return NATSAccess{}
	}
	c := startCluster(t, 1, strings.TrimSuffix(string(account), "}\n")+`
  PLAIN { users: [ { user: plain, password: secret } ] }
  OTHER { jetstream: enabled, users: [
    { user: other, password: secret }
    { user: reader, password: secret, permissions: { publish: { allow: ["$JS.API.>", "$SYS.REQ.USER.INFO"] }, subscribe: { allow: ["_INBOX.>"] } } }
    { user: deaf, password: secret, permissions: { publish: { allow: [">"] }, subscribe: { allow: ["tempo.*"] } } }
    { user: eraser, password: secret, permissions: { publish: { allow: [">"], deny: ["$JS.API.STREAM.MSG.DELETE.>"] } } }
    { user: silent, password: secret, permissions: { publish: { allow: [">"], deny: ["tempo.>"] } } }
  ] }
}
`)
	user := func(name, password string) NATSAccess { return NATSAccess{User: name, Password: password} }
	initCluster(t, LedgerConfig{NATSURL: c.url(), NATS: user("other", "secret")})

	for _, test := range []struct {
		access NATSAccess
		says   string
	}{
		{NATSAccess{}, "asks for credentials, and none were given"},
		{user("plain", "wrong"), "does not take these credentials"},
		{user("plain", "secret"), "account PLAIN has no JetStream"},
		{user("reader", "secret"), `permissions of a node`},
		{user("deaf", "secret"), `permissions of a node`},
		{user("eraser", "secret"), `$JS.API.STREAM.MSG.DELETE.CONSENT_PEOPLE`},
		{user("silent", "secret"), `permissions of a node`},
		{seedOf("recipient coach"), "permissions of a node"},
		{seedOf("node"), "permissions of a node"}, // nobody has set it up yet, and a node may not

		{NATSAccess{NKey: "/nowhere"}, "/nowhere"},
		{NATSAccess{NKey: writeFile(t, "no.nk", "SUNOSEED")}, "holds no seed"},
		{NATSAccess{Credentials: "/nowhere"}, "/nowhere"},
		{NATSAccess{User: "a", NKey: "b"}, "one of"},
		{NATSAccess{Password: "a"}, "belongs to a user"},
		{NATSAccess{Cert: "a"}, "belong together"},
		{NATSAccess{CA: writeFile(t, "ca.pem", "none")}, "root certificate"},
	} {
		began := time.Now()
		_, err := OpenLedger(t.Context(), LedgerConfig{Dir: t.TempDir(), NATSURL: c.url(), NATS: test.access})
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v, want %q", test.access, err, test.says)
		}
		t.Logf("%v: %v", time.Since(began).Round(time.Millisecond), err)
	}

	// With its own account set up, a node that may do nothing else than it has to
	// can do all of that.
	config := LedgerConfig{Dir: t.TempDir(), NATSURL: c.url(), NATS: seedOf("setup")}
	report := initCluster(t, config)
	if report.Account != "account RUN" {
		t.Errorf("account %q", report.Account)
	}
	config.NATS = seedOf("node")
	config.Notice = noticeOfVersion(t, "2026-12-01")
	l := openTest(t, config)
	other := config
	other.Dir = t.TempDir()
	second := openTest(t, other)
	letting(t, l, "ada", "coach")
	wantReason(t, l, "ada", Acceleration, Allowed)
	eventually(t, "the other node knows", func() bool { return second.Delivers("ada") })
	coach, _ := listen(t, second, "coach")
	l.Deliver("ada", []byte(estimate))
	eventually(t, "tempo comes from the other node", func() bool { return len(coach.got()) == 1 })
	eventually(t, "and is counted", func() bool { return l.DeliveryCounts()["coach"].Taken == 1 })
	if _, err := l.Export(t.Context(), "ada"); err != nil {
		t.Error(err)
	}
	if _, err := l.Audit(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := l.Erase(t.Context(), "ada", "test"); err != nil {
		t.Error(err)
	}
	// It cannot undo what it has done.
	conn, err := nats.Connect(c.url(), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), mustNKey(t, config.NATS.NKey))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, subject := range []string{
		"$JS.API.STREAM.DELETE.CONSENT", "$JS.API.STREAM.UPDATE.CONSENT", "$JS.API.STREAM.PURGE.CONSENT_PEOPLE",
		"$JS.API.STREAM.MSG.DELETE.CONSENT", "$JS.API.STREAM.CREATE.MORE", "$JS.API.STREAM.SNAPSHOT.CONSENT_PEOPLE",
	} {
		if !mayNotPublish(t, conn, subject) {
			t.Errorf("a node may ask for %s", subject)
		}
	}
}

func mustNKey(t *testing.T, seed string) nats.Option {
	t.Helper()
	option, err := nats.NkeyOptionFromSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	return option
}

// mayNotPublish reports whether the server says that somebody may not.
func mayNotPublish(t *testing.T, conn *nats.Conn, subject string) bool {
	t.Helper()
	if err := errors.Join(conn.Publish(subject, []byte("{}")), conn.Flush()); err != nil {
		t.Fatal(err)
	}
	err := conn.LastError()
	return errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), fmt.Sprintf("Publish to %q", subject))
}

// The server that leads the stream is cut off from the two others, together with
// the node that is connected to it. It goes on believing that it leads, and answers
// that node, while the others elect another and a withdrawal is acknowledged there.
// The node's lease does not outlive what it was when the server last heard from the
// others; once it is joined again, the withdrawal is there.
func TestALeaderThatIsCutOffRenewsNoLease(t *testing.T) {
	t.Parallel() // mostly it waits
	const lease = 3 * time.Second
	c := startCluster(t, 3, "")
	initCluster(t, LedgerConfig{NATSURL: c.url()})
	leader := c.leader("$G")
	here := openTest(t, LedgerConfig{NATSURL: c.url(leader), Lease: lease})
	there := openTest(t, LedgerConfig{NATSURL: c.url((leader + 1) % 3), Lease: lease})
	give(t, here, "ada", Acceleration)
	eventually(t, "the other node knows", func() bool { return there.Decide("ada", Acceleration).Allowed })

	c.cutOff(leader, true)
	cut := time.Since(here.opened)
	eventually(t, "the withdrawal is kept by the others", func() bool {
		_, err := there.Withdraw(t.Context(), "ada", "test")
		return err == nil
	})
	if !c.servers[leader].JetStreamIsStreamLeader("$G", streamName) {
		t.Log("the server that was cut off has noticed already")
	}
	// What was on its way when the link was cut may still have been heard.
	if until := time.Duration(here.heardUntil.Load()); until > cut+lease+time.Second/2 {
		t.Errorf("the lease was renewed by a leader that nobody followed, for %v more", until-cut-lease)
	}
	eventually(t, "the node that was cut off says no", func() bool {
		return here.Decide("ada", Acceleration).Reason == LedgerUnavailable
	})
	_, err := here.Give(t.Context(), "bea", yes(here, Acceleration))
	wantCode(t, err, CodeLedgerUnavailable)

	c.cutOff(leader, false)
	eventually(t, "the node has heard of it", func() bool {
		return here.Decide("ada", Acceleration).Reason == Withdrawn && here.Healthy() == nil
	})
	eventually(t, "changes are kept again", func() bool {
		_, err := here.Give(t.Context(), "cyd", yes(here, Acceleration))
		return err == nil
	})
	audit, err := here.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "both hold the same", func() bool {
		other, err := there.Audit(t.Context())
		return err == nil && other == audit
	})
}

// How old an answer of the leader may be.
func TestHeardFromMost(t *testing.T) {
	peers := func(active ...time.Duration) *jetstream.ClusterInfo {
		c := &jetstream.ClusterInfo{Leader: "n1"}
		for _, a := range active {
			c.Replicas = append(c.Replicas, &jetstream.PeerInfo{Active: a})
		}
		return c
	}
	leaderless := peers(1, 1)
	leaderless.Leader = ""
	for _, test := range []struct {
		cluster *jetstream.ClusterInfo
		age     time.Duration
		err     error
	}{
		{nil, 0, nil},                   // a server of its own
		{peers(), 0, nil},               // one replica
		{peers(5), 5, nil},              // two: both have to be there
		{peers(9, 3), 3, nil},           // three: the leader and one more
		{peers(0, 7), 7, nil},           // 0 says that nothing was ever heard
		{peers(4, 1, 3, 2), 2, nil},     // five: the leader and two more
		{peers(0, 0), 0, errNoMajority}, // of three, elected just now
		{peers(4, 0, 0, 0), 0, errNoMajority},
		{leaderless, 0, errNoLeader},
	} {
		if age, err := heardFromMost(test.cluster); age != test.age || !errors.Is(err, test.err) {
			t.Errorf("%+v: %v, %v, want %v, %v", test.cluster, age, err, test.age, test.err)
		}
	}
}

// The account that is written is the same each time, and lets nobody do anything
// that is not listed.
func TestTheAccountThatIsWritten(t *testing.T) {
	dir := t.TempDir()
	var texts []string
	for range 2 {
		users, err := NATSUsers(dir, []string{"coach", "race"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range users {
			if !strings.HasPrefix(users[i].Key, "U") {
				t.Errorf("%+v", users[i])
			}
			users[i].Key = "KEY"
		}
		text, err := AppendNATSAccount(nil, DefaultAccount, users)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	const coach = `      # recipient coach
      { nkey: KEY, permissions: {
          publish: { deny: ">" }
          subscribe: { allow: ["tempo.coach"] }
          allow_responses: { max: 1, expires: "10s" }
      } }
`
	if texts[0] != texts[1] || !strings.Contains(texts[0], coach) {
		t.Errorf("%s\nand the second time\n%s", texts[0], texts[1])
	}
	for _, name := range []string{"", "a.b", "*", ">", "A", strings.Repeat("a", 65)} {
		if _, err := NATSUsers(dir, []string{name}); !errors.Is(err, &Error{Code: CodeUnknownRecipient}) {
			t.Errorf("recipient %q: %v", name, err)
		}
	}
	if _, err := AppendNATSAccount(nil, "A B", nil); !errors.Is(err, &Error{Code: CodeBadConfig}) {
		t.Error(err)
	}
}
