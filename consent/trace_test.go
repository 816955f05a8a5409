package consent

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// TestTraces runs the stories under testdata/trace: a command, "----", and what
// comes of it. Run with -rewrite to write down what comes of it now, and read
// the difference. The commands:
//
//	open [notice=VERSION] [lasting] [languages=(L,...)] [ttl=DURATION]     opens the ledger, or opens it again
//	give who=W [categories=(C,...)] [recipients=(R,...)] [notice=VERSION] [sha256=wrong] [method=M]
//	refuse who=W [notice=VERSION]
//	withdraw who=W [categories=(C,...)]
//	decide who=W                             the gate, for each category
//	show who=W, history who=W, receipt who=W
//	watch who=W, unwatch who=W               "told:" lines come from it
//	advance by=DURATION                      the clock goes on
//	changes notice=VERSION                   what is different now, for people
//	audit
//
// "lasting" opens with a notice that needs no fresh consent, languages with one
// in each of these; give and refuse with language=L answer to the one in that.
func TestTraces(t *testing.T) {
	datadriven.Walk(t, "testdata/trace", func(t *testing.T, path string) {
		tr := &trace{t: t, dir: t.TempDir(), clock: newClock(), stop: map[string]func(){}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			tr.out.Reset()
			if err := tr.run(d); err != nil {
				var e *Error
				if !errors.As(err, &e) {
					t.Fatal(err)
				}
				fmt.Fprintf(&tr.out, "error %s: %s\n", e.Code, e.Message)
			}
			return tr.out.String()
		})
	})
}

type trace struct {
	t      *testing.T
	dir    string
	clock  *clock
	ledger *Ledger
	stop   map[string]func()
	out    strings.Builder
}

func (tr *trace) run(d *datadriven.TestData) error {
	var who, version, digest, method, language = "", "", "", "test", "en"
	d.MaybeScanArgs(tr.t, "who", &who)
	d.MaybeScanArgs(tr.t, "notice", &version)
	d.MaybeScanArgs(tr.t, "sha256", &digest)
	d.MaybeScanArgs(tr.t, "method", &method)
	d.MaybeScanArgs(tr.t, "language", &language)
	var categories []Category
	for _, name := range values(d, "categories") {
		categories = append(categories, Category(name))
	}
	ctx, l := tr.t.Context(), tr.ledger
	switch d.Cmd {
	case "open":
		return tr.open(d, version)
	case "changes":
		c, err := l.NoticeChanges(version, language)
		if err == nil {
			fmt.Fprintf(&tr.out, "%s", c)
		}
		return err
	case "give":
		request := yes(l, categories...)
		for _, n := range l.Notices() {
			if n.Language == language {
				request.NoticeSHA256 = n.SHA256
			}
		}
		request.Recipients, request.Method = values(d, "recipients"), method
		if version != "" {
			n := testNotice(tr.t, version, "en", true)
			request.NoticeVersion, request.NoticeSHA256 = n.Version, n.SHA256
		}
		if digest == "wrong" {
			request.NoticeSHA256 = strings.Repeat("0", 64)
		}
		r, err := l.Give(ctx, who, request)
		if err != nil {
			return err
		}
		fmt.Fprintf(&tr.out, "receipt of entry %d: %s\n", r.Ledger.Sequence, r.Event.Change)
		return nil
	case "refuse":
		request := RefuseRequest{NoticeVersion: l.Notice().Version, NoticeSHA256: l.Notice().SHA256, Method: method}
		if version != "" {
			request.NoticeVersion, request.NoticeSHA256 = version, testNotice(tr.t, version, "en", true).SHA256
		}
		r, err := l.Refuse(ctx, who, request)
		if err != nil {
			return err
		}
		if r.Event.State != Refused || r.Principal == who {
			return fmt.Errorf("the receipt of a no states %s", r.Event.State)
		}
		g, err := l.Grant(who)
		return tr.grant(g, err)
	case "withdraw":
		g, err := l.Withdraw(ctx, who, method, categories...)
		return tr.grant(g, err)
	case "show":
		g, err := l.Grant(who)
		return tr.grant(g, err)
	case "decide":
		for _, c := range []Category{Acceleration, Location} {
			fmt.Fprintf(&tr.out, "%s: %s\n", c, l.Decide(who, c).Reason)
		}
		return nil
	case "history":
		changes, err := l.History(ctx, who)
		for _, c := range changes {
			fmt.Fprintf(&tr.out, "%d. entry %d, %s, %s -> %s %v", c.Revision, c.Sequence, stamp(c.At), c.Event, c.State, c.Categories)
			if len(c.TakenBack) > 0 {
				fmt.Fprintf(&tr.out, " without %v", c.TakenBack)
			}
			fmt.Fprintf(&tr.out, ", notice %s%s, by %s\n", c.NoticeVersion, foreign(c.Language), c.Method)
		}
		return err
	case "receipt":
		r, err := l.Receipt(ctx, who)
		if err != nil {
			return err
		}
		if err := r.Verify(l.Keys()); err != nil {
			return err
		}
		fmt.Fprintf(&tr.out, "entry %d, %s -> %s, data %v, recipients %v, notice %s, valid %s\n", r.Ledger.Sequence,
			r.Event.Change, r.Event.State, r.Data, r.Recipients, r.Notice.Version, r.Event.Validity)
		return nil
	case "watch":
		tr.stop[who] = l.Watch(who, func(g Grant) {
			fmt.Fprintf(&tr.out, "told: %s %v\n", g.State, g.Categories)
		})
		return nil
	case "unwatch":
		tr.stop[who]()
		return nil
	case "advance":
		tr.clock.advance(duration(tr.t, d, "by"))
		fmt.Fprintln(&tr.out, stamp(tr.clock.now()))
		return nil
	case "audit":
		a, err := l.Audit(ctx)
		if err == nil {
			fmt.Fprintf(&tr.out, "%d entries in order: %d people, %d notices\n", a.Entries, a.People, a.Notices)
		}
		return err
	}
	return fmt.Errorf("%s: no such command: %s", d.Pos, d.Cmd)
}

func (tr *trace) open(d *datadriven.TestData, version string) error {
	config := LedgerConfig{Dir: tr.dir, Now: tr.clock.now}
	if d.HasArg("ttl") {
		config.GrantTTL = duration(tr.t, d, "ttl")
	}
	if version != "" {
		lasting := d.HasArg("lasting")
		for _, language := range append([]string{"en"}, values(d, "languages")...) {
			config.Notices = append(config.Notices, testNotice(tr.t, version, language, !lasting))
		}
	}
	if tr.ledger != nil {
		closeTest(tr.t, tr.ledger)
	}
	tr.ledger = openTest(tr.t, config)
	fmt.Fprintf(&tr.out, "open under notice %s\n", tr.ledger.Notice().Version)
	return nil
}

func (tr *trace) grant(g Grant, err error) error {
	if err != nil {
		return err
	}
	fmt.Fprintf(&tr.out, "%s %v, recipients %v, notice %s%s, revision %d, given %s, changed %s, expires %s\n",
		g.State, g.Categories, g.Recipients, g.NoticeVersion, foreign(g.Language), g.Revision, stamp(g.GivenAt), stamp(g.ChangedAt), stamp(g.ExpiresAt))
	return nil
}

// foreign names a language that is not the usual one.
func foreign(language string) string {
	if language == "en" {
		return ""
	}
	return " in " + language
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.Format("2006-01-02 15:04:05")
}

// values returns the words of an argument key=(a,b), without empty ones.
func values(d *datadriven.TestData, key string) []string {
	for _, argument := range d.CmdArgs {
		if argument.Key == key {
			var words []string
			for _, word := range argument.Vals {
				if word != "" {
					words = append(words, word)
				}
			}
			return words
		}
	}
	return nil
}

func duration(t *testing.T, d *datadriven.TestData, key string) time.Duration {
	t.Helper()
	var text string
	d.ScanArgs(t, key, &text)
	parsed, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
