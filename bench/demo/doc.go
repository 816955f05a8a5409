// Package demo shows the main job against a running server, as one person
// lives it: asked, refused without a yes, let in, streamed, withdrawn.
//
// Run does it all and writes what happened for people to read. It fails when
// the server does not keep a promise on the way; a wrong estimate is no
// failure, it stands in the table.
package demo
