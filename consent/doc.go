// Package consent keeps who said yes to what, and answers one question: may
// this session send this category now?
package consent
