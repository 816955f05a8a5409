package consent

// A Notice is what a person is told before being asked: what is collected,
// why, who gets it, for how long, and how to stop.
//
// A notice is known by its version and by the SHA-256 of the bytes it was read
// from. Treat it as read-only: the ledger shares it.
type Notice struct {
	ID         string           `json:"id"`
	Version    string           `json:"version"`  // date based, for example "2026-11-01"
	SHA256     string           `json:"sha256"`   // of the notice's file, 64 hexadecimal digits
	Language   string           `json:"language"` // BCP 47, for example "en"
	Purpose    string           `json:"purpose"`
	Controller string           `json:"controller"`
	Categories []NoticeCategory `json:"categories"`
	Recipients []Recipient      `json:"recipients"` // never null; empty when nobody gets anything
	Retention  string           `json:"retention"`
	Withdrawal string           `json:"withdrawal"`
	Text       string           `json:"text"` // the whole of it in plain words, paragraphs parted by an empty line
}

// A NoticeCategory is one kind of data that the notice asks for.
type NoticeCategory struct {
	Name     Category `json:"name"`
	Required bool     `json:"required"`
	Why      string   `json:"why"`
}

// A Recipient is a third party that gets derived tempo from people who name
// it in their grant.
type Recipient struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// CurrentNotice returns the notice that is built in.
func CurrentNotice() (*Notice, error) { return nil, errOpening }
