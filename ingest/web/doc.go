// Package web has the running-mode page, the JavaScript client and the
// classifier for browsers, ready to be served.
//
// Handler serves them. What is where:
//
//	client/  the client: ES modules without dependencies, tempogate.js and its
//	         types tempogate.d.ts, and classifier.wasm, which worker.js runs
//	page/    the page at /, the page at /push, and what they are made of
//	wasm/    the classifier's entry points, compiled to client/classifier.wasm.gz
//
// # The classifier on the phone
//
// People who do not want to share their motion keep the feature: the page then
// runs the server's own code, from the bytes of a frame to the line that
// answers it, in a worker. It takes the very frames that would have been sent.
//
// The compiled module is kept in the repository, because go install and go
// build can embed files but not make them. "make wasm" builds it anew after a
// change of the classifier or of the wire; TestModuleAnswersAsTheServer fails
// as long as it answers otherwise than the sources do.
//
// # Guarantees
//
//   - Nothing is loaded from elsewhere and no script runs that is not in a file
//     (TestHeaders; the browser tests in cmd/tempogate watch the network).
//   - On the phone the same frames give the same lines, byte for byte
//     (TestModuleAnswersAsTheServer in cmd/tempogate, on simulated gaits and
//     on recordings).
//   - The page weighs at most 100 KB without the module, and the module at most
//     1.5 MB, as served (TestWeight).
package web
