package consent

import (
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
)

// replicated returns a configuration with so many copies.
func replicated(c jetstream.StreamConfig, replicas int) jetstream.StreamConfig {
	c.Replicas = replicas
	return c
}

func streamConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        streamName,
		Description: "consent: every change of every person, each entry chained to the one before",
		Subjects:    []string{changeSubject + "*", noticeSubject + "*.*"},
		Retention:   jetstream.LimitsPolicy,
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardNew,
		MaxMsgSize:  2 * maxEntry,
		DenyDelete:  true,
		DenyPurge:   true,
	}
}

// checkStream makes sure that a stream that is there already forgets nothing.
func checkStream(c jetstream.StreamConfig) error {
	if err := checkPlain(c); err != nil {
		return err
	}
	for _, subject := range streamConfig().Subjects {
		if !slices.Contains(c.Subjects, subject) {
			return fmt.Errorf("stream %s does not take %s: it was made for something else", streamName, subject)
		}
	}
	if c.Storage != jetstream.FileStorage || c.Retention != jetstream.LimitsPolicy || !c.DenyDelete || !c.DenyPurge ||
		c.MaxAge > 0 || c.MaxMsgs > 0 || c.MaxMsgsPerSubject > 0 || (c.MaxBytes > 0 && c.Discard != jetstream.DiscardNew) {
		return fmt.Errorf("stream %s may forget entries: it needs file storage, retention by limits, no limit of age or number, and deletion and purging denied", streamName)
	}
	return nil
}

// checkPlain makes sure that a stream holds what this program has put into it,
// says when it does, and gives it to nobody else.
func checkPlain(c jetstream.StreamConfig) error {
	for wrong, is := range map[string]bool{
		"is sealed, so nothing can be added":                         c.Sealed,
		"does not acknowledge what it is given":                      c.NoAck,
		"is a copy of another stream, or takes from others":          c.Mirror != nil || len(c.Sources) > 0,
		"passes on what it is given to other subjects":               c.RePublish != nil,
		"changes the subjects of what it is given":                   c.SubjectTransform != nil,
		"lets replicas answer that are behind (allow_direct is set)": c.AllowDirect,
	} {
		if is {
			return fmt.Errorf("stream %s %s", c.Name, wrong)
		}
	}
	return nil
}

// registerConfig is that of the stream that can forget.
func registerConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              registerName,
		Description:       "consent: who is behind each record, for as long as it may be known; what recipients got",
		Subjects:          []string{personSubject + "*", receivedSubject + "*.*"},
		Retention:         jetstream.LimitsPolicy,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardNew,
		MaxMsgSize:        maxRegistered,
		MaxMsgsPerSubject: 1,
	}
}

// checkRegister makes sure that a register that is there already forgets nobody
// by itself, and can be made to.
func checkRegister(c jetstream.StreamConfig) error {
	if err := checkPlain(c); err != nil {
		return err
	}
	for _, subject := range registerConfig().Subjects {
		if !slices.Contains(c.Subjects, subject) {
			return fmt.Errorf("stream %s does not take %s: it was made for something else", registerName, subject)
		}
	}
	if c.Storage != jetstream.FileStorage || c.Retention != jetstream.LimitsPolicy || c.DenyDelete || c.MaxMsgsPerSubject != 1 ||
		c.MaxAge > 0 || c.MaxMsgs > 0 || (c.MaxBytes > 0 && c.Discard != jetstream.DiscardNew) {
		return fmt.Errorf("stream %s is not set up to keep one message a subject until it is deleted: "+
			"it needs file storage, retention by limits, one message a subject, no other limit, and deletion allowed", registerName)
	}
	return nil
}
