package load

import (
	"bufio"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
	"github.com/lxzan/gws"

	"github.com/tempogate/tempogate/ingest/wire"
)

// bareVariable in the environment makes the test binary one of the servers that
// ours is compared with: "gorilla 280" or "gws 280", which answer each message
// with so many bytes and do nothing else.
const bareVariable = "TEMPOGATE_BARE_SERVER"

// serveBare serves until standard input ends. It prints its address first.
func serveBare(what string) {
	kind, size, _ := strings.Cut(what, " ")
	n, err := strconv.Atoi(size)
	if err != nil {
		log.Fatal(err)
	}
	answer := []byte(strings.Repeat("x", n))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("http://" + l.Addr().String())
	handler := map[string]http.Handler{"gorilla": bareGorilla(answer), "gws": bareGWS(answer)}[kind]
	go func() { log.Fatal(http.Serve(l, handler)) }()
	bufio.NewReader(os.Stdin).ReadByte()
}

// bareGorilla is what a server looks like that follows gorilla's own examples,
// with the buffers that it advises for many connections: shared for writing,
// small for reading, served outside the HTTP handler.
func bareGorilla(answer []byte) http.Handler {
	upgrader := websocket.Upgrader{
		Subprotocols: []string{wire.Subprotocol}, ReadBufferSize: 1024, WriteBufferSize: 1024, WriteBufferPool: new(sync.Pool),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		go func() {
			defer ws.Close()
			for {
				kind, message, err := ws.ReadMessage()
				if err != nil {
					return
				}
				if said := saidEnd(kind == websocket.TextMessage, message); said {
					ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(wire.CloseDone, "done"))
					return
				}
				if ws.WriteMessage(websocket.TextMessage, answer) != nil {
					return
				}
			}
		}()
	})
}

// saidEnd reports whether a message says goodbye.
func saidEnd(text bool, message []byte) bool {
	return text && strings.Contains(string(message[:min(len(message), 32)]), `"end"`)
}

// bareGWS is the same with gws.
func bareGWS(answer []byte) http.Handler {
	upgrader := gws.NewUpgrader(gwsAnswers{answer: answer}, &gws.ServerOption{SubProtocols: []string{wire.Subprotocol}, ReadBufferSize: 1024})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		socket, err := upgrader.Upgrade(w, r)
		if err != nil {
			return
		}
		go socket.ReadLoop()
	})
}

type gwsAnswers struct {
	gws.BuiltinEventHandler
	answer []byte
}

// OnMessage answers a message.
func (h gwsAnswers) OnMessage(socket *gws.Conn, message *gws.Message) {
	defer message.Close()
	if saidEnd(message.Opcode == gws.OpcodeText, message.Bytes()) {
		socket.WriteClose(wire.CloseDone, []byte("done"))
		return
	}
	if err := socket.WriteMessage(gws.OpcodeText, h.answer); err != nil && !errors.Is(err, net.ErrClosed) {
		socket.NetConn().Close()
	}
}
