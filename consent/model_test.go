package consent

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

var operations = flag.Int("operations", 300, "random operations on a ledger whose process is killed between and in the midst of them; make bench-consent does 10,000")

func init() { children["operate"] = operate }

// An operation is one thing that somebody asks of the ledger.
type operation struct {
	Kind       string     `json:"kind"` // give, refuse, withdraw, erase, or tell for all that is known
	Who        string     `json:"who,omitempty"`
	Categories []Category `json:"categories,omitempty"`
	Recipients []string   `json:"recipients,omitempty"`
	German     bool       `json:"german,omitempty"`
	Key        string     `json:"key,omitempty"`
}

// An outcome is what the ledger answered: a code, or where the change left it.
type outcome struct {
	Code     string `json:"code,omitempty"`
	Event    Event  `json:"event,omitempty"`
	State    State  `json:"state,omitempty"`
	Sequence uint64 `json:"sequence,omitempty"` // 0 for a withdrawal, which is not told it
}

// A told is all that a ledger knows.
type told struct {
	People map[string]toldPerson `json:"people"`
	Audit  Audit                 `json:"audit"`
}

type toldPerson struct {
	History []modelChange `json:"history"`
	Motion  Reason        `json:"motion"`
	Place   Reason        `json:"place"`
}

// A modelChange is what the model says of a change.
type modelChange struct {
	Sequence   uint64     `json:"sequence"`
	Event      Event      `json:"event"`
	State      State      `json:"state"`
	Categories []Category `json:"categories"`
	TakenBack  []Category `json:"taken_back"`
	Recipients []string   `json:"recipients"`
	German     bool       `json:"german"`
}

const modelPeople = 12

func modelNotices() ([]*Notice, error) {
	built, err := BuiltInNotices()
	if err != nil {
		return nil, err
	}
	for i, n := range built {
		source := strings.Replace(string(n.source), `"recipients": []`,
			`"recipients": [{"name": "coach", "why": "Plans."}, {"name": "race", "why": "Shows."}]`, 1)
		if built[i], err = ParseNotice([]byte(source)); err != nil {
			return nil, err
		}
	}
	return built, nil
}

// operate opens a ledger, says so, and does what it reads from standard input, a
// line each, with a line for each answer.
func operate(dir string) error {
	notices, err := modelNotices()
	if err != nil {
		return err
	}
	l, err := OpenLedger(context.Background(), LedgerConfig{Dir: dir, Notices: notices})
	if err != nil {
		return err
	}
	answers := json.NewEncoder(os.Stdout)
	if err := answers.Encode("open"); err != nil {
		return err
	}
	asked := json.NewDecoder(os.Stdin)
	for {
		var o operation
		if err := asked.Decode(&o); errors.Is(err, io.EOF) {
			return l.Close()
		} else if err != nil {
			return err
		}
		answer, err := o.on(l)
		if err != nil {
			return err
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
}

// on does an operation.
func (o *operation) on(l *Ledger) (any, error) {
	ctx := context.Background()
	if o.Key != "" {
		ctx = WithRequestKey(ctx, o.Key)
	}
	n := l.Notices()[0]
	if o.German {
		n = l.Notices()[1]
	}
	var receipt *Receipt
	var err error
	switch o.Kind {
	case "give":
		receipt, err = l.Give(ctx, o.Who, GiveRequest{
			NoticeVersion: n.Version, NoticeSHA256: n.SHA256, Categories: o.Categories, Recipients: o.Recipients, Method: "test",
		})
	case "refuse":
		receipt, err = l.Refuse(ctx, o.Who, RefuseRequest{NoticeVersion: n.Version, NoticeSHA256: n.SHA256, Method: "test"})
	case "erase":
		receipt, err = l.Erase(ctx, o.Who, "test")
	case "withdraw":
		var g Grant
		if g, err = l.Withdraw(ctx, o.Who, "test", o.Categories...); err == nil {
			return outcome{State: g.State}, nil
		}
	case "tell":
		return tellAll(ctx, l)
	}
	var e *Error
	switch {
	case errors.As(err, &e):
		return outcome{Code: e.Code}, nil
	case err != nil:
		return nil, err
	}
	return outcome{Event: receipt.Event.Change, State: receipt.Event.State, Sequence: receipt.Ledger.Sequence}, nil
}

func tellAll(ctx context.Context, l *Ledger) (any, error) {
	all := told{People: map[string]toldPerson{}}
	for i := range modelPeople {
		who := fmt.Sprintf("person-%d", i)
		p := toldPerson{Motion: l.Decide(who, Acceleration).Reason, Place: l.Decide(who, Location).Reason}
		history, err := l.History(ctx, who)
		if err != nil && !errors.Is(err, ErrNeverAsked) {
			return nil, err
		}
		for i, c := range history {
			if c.Revision != uint64(i)+1 {
				return nil, fmt.Errorf("change %d has revision %d", i+1, c.Revision)
			}
			p.History = append(p.History, modelChange{c.Sequence, c.Event, c.State, c.Categories, c.TakenBack, c.Recipients, c.Language == "de"})
		}
		all.People[who] = p
	}
	var err error
	all.Audit, err = l.Audit(ctx)
	return all, err
}

// A model is the ledger in a few lines, without a disk, a network or a crash.
type model struct {
	sequence uint64
	german   bool // the German notice is on record
	erased   int
	records  int
	people   map[string]*modelPerson
}

type modelPerson struct {
	history []modelChange
	keys    map[string]modelRequest
}

type modelRequest struct {
	asks string
	outcome
}

func newModel() *model { return &model{sequence: 1, people: map[string]*modelPerson{}} }

func (m *model) clone() *model {
	c := *m
	c.people = map[string]*modelPerson{}
	for who, p := range m.people {
		keys := map[string]modelRequest{}
		for key, r := range p.keys {
			keys[key] = r
		}
		c.people[who] = &modelPerson{slices.Clone(p.history), keys}
	}
	return &c
}

// do says what an operation comes to, and what is known after it.
func (m *model) do(o operation) outcome {
	p := m.people[o.Who]
	var now modelChange
	if p != nil {
		now = p.history[len(p.history)-1]
	}
	text, _ := json.Marshal([]any{o.Kind, o.Categories, o.Recipients, o.German})
	asks := string(text)
	if p != nil && o.Key != "" && o.Kind != "erase" {
		if before, ok := p.keys[o.Key]; ok {
			if before.asks != asks {
				return outcome{Code: CodeRequestKeyReused}
			}
			if o.Kind == "withdraw" { // answered with where the consent stands
				return outcome{State: now.State}
			}
			return before.outcome
		}
	}
	c := modelChange{Event: EventGiven, State: Given, Categories: []Category{}, Recipients: []string{}, German: o.German}
	switch o.Kind {
	case "give":
		if len(o.Categories) == 0 {
			return outcome{Code: CodeNoCategory}
		}
		if !slices.Contains(o.Categories, Acceleration) {
			return outcome{Code: CodeCategoryRequired}
		}
		if slices.Contains(o.Recipients, "nobody") {
			return outcome{Code: CodeUnknownRecipient}
		}
		for _, each := range []Category{Acceleration, Location} {
			if slices.Contains(o.Categories, each) {
				c.Categories = append(c.Categories, each)
			}
		}
		for _, each := range []string{"coach", "race"} {
			if slices.Contains(o.Recipients, each) {
				c.Recipients = append(c.Recipients, each)
			}
		}
		if now.State == Given {
			c.Event = EventRenewed
		}
	case "refuse":
		if now.State == Refused {
			return outcome{Event: now.Event, State: now.State, Sequence: now.Sequence}
		}
		c.Event, c.State, c.TakenBack = EventRefused, Refused, now.Categories
	case "withdraw":
		if p == nil {
			return outcome{Code: CodeNeverAsked}
		}
		c.Event, c.State, c.German = EventWithdrawn, Withdrawn, now.German
		c.TakenBack = now.Categories
		if len(o.Categories) == 1 && o.Categories[0] == Location && now.State == Given {
			c.TakenBack = nil
			if slices.Contains(now.Categories, Location) {
				c.TakenBack, c.Categories, c.State, c.Recipients = []Category{Location}, []Category{Acceleration}, Given, now.Recipients
			}
		}
		if len(c.TakenBack) == 0 {
			return outcome{State: now.State}
		}
	case "erase":
		if p == nil {
			return outcome{Code: CodeNeverAsked}
		}
		m.sequence++
		m.erased++
		delete(m.people, o.Who)
		state := now.State
		if state == Given {
			state = Withdrawn
		}
		return outcome{Event: EventErased, State: state, Sequence: m.sequence}
	}
	if o.German && (o.Kind == "give" || o.Kind == "refuse") && !m.german {
		m.german = true
		m.sequence++
	}
	m.sequence++
	c.Sequence = m.sequence
	if p == nil {
		p = &modelPerson{keys: map[string]modelRequest{}}
		m.people[o.Who] = p
		m.records++
	}
	p.history = append(p.history, c)
	result := outcome{Event: c.Event, State: c.State, Sequence: c.Sequence}
	if o.Kind == "withdraw" {
		result = outcome{State: c.State}
	}
	if o.Key != "" {
		p.keys[o.Key] = modelRequest{asks, result}
	}
	return result
}

// differs says what a ledger tells otherwise than the model, "" for nothing.
func (m *model) differs(t told) string {
	for who, got := range t.People {
		want := toldPerson{Motion: NeverAsked, Place: NeverAsked}
		if p := m.people[who]; p != nil {
			now := p.history[len(p.history)-1]
			want = toldPerson{p.history, Reason(now.State), Reason(now.State)}
			if now.State == Given {
				want.Motion, want.Place = Allowed, CategoryNotGranted
				if slices.Contains(now.Categories, Location) {
					want.Place = Allowed
				}
			}
		}
		if g, w := asText(got), asText(want); g != w {
			return fmt.Sprintf("%s:\n got %s\nwant %s", who, g, w)
		}
	}
	notices := 1
	if m.german {
		notices++
	}
	if a := t.Audit; a.Newest != m.sequence || a.Entries != m.sequence || a.People != m.records || a.Erased != m.erased || a.Notices != notices {
		return fmt.Sprintf("audit: %+v, want %d entries, %d records, %d erased, %d notices", a, m.sequence, m.records, m.erased, notices)
	}
	return ""
}

// asText writes what a person's record holds; no list and an empty one are the same.
func asText(p toldPerson) string {
	for i := range p.History {
		c := &p.History[i]
		c.Categories, c.TakenBack, c.Recipients = orEmpty(c.Categories), orEmpty(c.TakenBack), orEmpty(c.Recipients)
	}
	text, _ := json.Marshal(p)
	return string(text)
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// randomOperation picks something that somebody may ask, good or bad, new or
// sent again.
func randomOperation(r *rand.Rand, before []operation) operation {
	if len(before) > 0 && r.IntN(8) == 0 { // late copies of earlier requests
		o := before[r.IntN(len(before))]
		if r.IntN(4) == 0 && (o.Kind == "give" || o.Kind == "refuse") {
			o.German = !o.German // the same key, and another request
		}
		return o
	}
	o := operation{Who: fmt.Sprintf("person-%d", r.IntN(modelPeople)), German: r.IntN(3) == 0}
	switch n := r.IntN(100); {
	case n < 45:
		o.Kind = "give"
		o.Categories = [][]Category{{Acceleration}, {Acceleration, Location}, {Location, Acceleration}, {Acceleration}, {Location, Acceleration}, {Location}, nil}[r.IntN(7)]
		o.Recipients = [][]string{nil, {"coach"}, {"race", "coach"}, nil, {"race"}, {"nobody"}}[r.IntN(6)]
	case n < 60:
		o.Kind = "refuse"
	case n < 92:
		o.Kind, o.German = "withdraw", false
		o.Categories = [][]Category{nil, {Location}, {Acceleration}}[r.IntN(3)]
	default:
		o.Kind, o.German = "erase", false
	}
	if o.Kind != "erase" && r.IntN(3) == 0 {
		o.Key = fmt.Sprint("key ", r.Uint64())
	}
	return o
}

// An operator is a process that operates a ledger.
type operator struct {
	process *exec.Cmd
	asks    *json.Encoder
	answers *json.Decoder
	says    *strings.Builder
}

func startOperator(t *testing.T, dir string) *operator {
	t.Helper()
	o := &operator{process: child(t, "operate", dir), says: &strings.Builder{}}
	in, err := o.process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := o.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	o.process.Stderr = o.says
	o.asks, o.answers = json.NewEncoder(in), json.NewDecoder(bufio.NewReader(out))
	if err := o.process.Start(); err != nil {
		t.Fatal(err)
	}
	var open string
	if err := o.answers.Decode(&open); err != nil || open != "open" {
		t.Fatalf("the ledger does not open: %v: %s", err, o.wait())
	}
	return o
}

func (o *operator) wait() string {
	_ = o.process.Wait() // it was killed, or says why itself
	return o.says.String()
}

// ask has an operation done and reads the answer.
func (o *operator) ask(t *testing.T, op operation, answer any) {
	t.Helper()
	if err := o.asks.Encode(op); err != nil {
		t.Fatal(err)
	}
	if err := o.answers.Decode(answer); err != nil {
		t.Fatalf("%+v: %v: %s", op, err, o.wait())
	}
}

// TestOperationsWithKills: random operations on a ledger whose process is killed
// between them and in their midst, against a model that knows no crashes. What
// was acknowledged is there, what was under way is there whole or not at all, and
// nothing else is.
func TestOperationsWithKills(t *testing.T) {
	const killEvery = 25 // on average
	n := *operations
	if testing.Short() {
		n = min(n, 100)
	}
	dir, random := t.TempDir(), rand.New(rand.NewPCG(2026, 11))
	truth := newModel()
	var before []operation
	differences, kills, midst, happened := 0, 0, 0, 0
	differ := func(format string, arguments ...any) {
		if differences++; differences <= 5 {
			t.Errorf(format, arguments...)
		}
	}
	ledger := startOperator(t, dir)
	for i := range n {
		o := randomOperation(random, before)
		if o.Key != "" {
			before = append(before[max(0, len(before)-200):], o)
		}
		if random.IntN(killEvery) > 0 {
			var got outcome
			ledger.ask(t, o, &got)
			if want := truth.do(o); got != want {
				differ("operation %d, %+v: got %+v, want %+v", i, o, got, want)
			}
			continue
		}
		kills++
		inMidst := random.IntN(3) > 0
		if inMidst {
			midst++
			if err := ledger.asks.Encode(o); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(random.IntN(1500)) * time.Microsecond)
		}
		if err := ledger.process.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		answered := false
		if inMidst {
			var got outcome
			if answered = ledger.answers.Decode(&got) == nil; answered {
				if want := truth.clone().do(o); got != want {
					differ("operation %d, %+v: got %+v, want %+v", i, o, got, want)
				}
			}
		}
		ledger.wait()
		ledger = startOperator(t, dir)
		var is told
		ledger.ask(t, operation{Kind: "tell"}, &is)
		done := truth.clone()
		done.do(o)
		// The notice is put on record first, so that can be all that happened; and
		// so can somebody be given a place in the register, which does not show.
		noticed := truth.clone()
		if o.German && !truth.german {
			noticed.german = true
			noticed.sequence++
		}
		switch why := truth.differs(is); {
		case inMidst && done.differs(is) == "":
			if why != "" {
				happened++
			}
			truth = done
		case answered || why != "" && !inMidst:
			differ("after kill %d, in operation %d: %s", kills, i, why)
		case why == "":
		case noticed.differs(is) == "":
			truth = noticed
		default:
			differ("after kill %d, in operation %d, %+v: %s", kills, i, o, why)
		}
		if differences > 5 {
			break
		}
	}
	var is told
	ledger.ask(t, operation{Kind: "tell"}, &is)
	if why := truth.differs(is); why != "" {
		differ("in the end: %s", why)
	}
	if err := ledger.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ledger.wait()
	t.Logf("%d operations, %d entries, %d kills, %d in the midst of an operation, which %d times was done", n, truth.sequence, kills, midst, happened)
	if flag.Lookup("figures").Value.String() == "true" {
		fmt.Printf("model_operations %d\nmodel_kills %d\nmodel_differences %d\n", n, kills, differences)
	}
}
