package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// A Server is one NATS server of a cluster.
type Server struct {
	*process
	client, route int // ports
	dir           string
	routes        map[int]*Link // ways to the other servers, by their number
}

// ServeNATS runs a NATS server with a configuration file until ctx is done. It is
// what the processes of a fleet's servers do.
func ServeNATS(ctx context.Context, file string) error {
	// Options in a struct lose the leader of a stream at a restart (nats-server
	// issue 6890), so they come as text.
	options, err := server.ProcessConfigFile(file)
	if err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	options.NoSigs = true
	s, err := server.NewServer(options)
	if err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	s.ConfigureLogger()
	go s.Start()
	if !s.ReadyForConnections(time.Minute) {
		s.Shutdown()
		return errors.New("fleet: the NATS server does not start")
	}
	<-ctx.Done()
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}

// accountFile is the account that the nodes use, as tempogate cluster permissions
// writes it, in the folder of the configurations.
const accountFile = "account.conf"

// newServers prepares servers whose routes to each other go through links.
func newServers(config Config, dir string) ([]*Server, error) {
	ports, err := freePorts(2 * config.Servers)
	if err != nil {
		return nil, err
	}
	var servers []*Server
	for i := range config.Servers {
		s := &Server{client: ports[2*i], route: ports[2*i+1], dir: filepath.Join(dir, fmt.Sprintf("server-%d", i+1)), routes: map[int]*Link{}}
		file := filepath.Join(dir, fmt.Sprintf("server-%d.conf", i+1))
		s.process = newProcess(fmt.Sprintf("server-%d", i+1), dir, func() *exec.Cmd {
			return exec.Command(config.Binary, "fleet", "server", file)
		})
		servers = append(servers, s)
	}
	for i, s := range servers {
		var routes []string
		for j, other := range servers {
			if i == j {
				continue
			}
			link, err := NewLink(fmt.Sprintf("127.0.0.1:%d", other.route))
			if err != nil {
				return servers, err
			}
			s.routes[j] = link
			routes = append(routes, "nats-route://"+link.Addr())
		}
		if err := os.WriteFile(filepath.Join(dir, s.name+".conf"), []byte(s.configuration(routes)), 0o600); err != nil {
			return servers, fmt.Errorf("fleet: %w", err)
		}
	}
	return servers, nil
}

// configuration is what the server reads. Addresses of servers are told to nobody,
// because whoever learnt them would pass by the links.
func (s *Server) configuration(routes []string) string {
	return fmt.Sprintf(`server_name: %q
listen: "127.0.0.1:%d"
logtime: true
include %q
jetstream { store_dir: %q, sync_interval: always, max_memory_store: 64MB, max_file_store: 10GB }
cluster {
  name: tempogate
  listen: "127.0.0.1:%d"
  no_advertise: true
  advertise: "127.0.0.1:1"
  pool_size: 1
  routes: [%s]
}
`, s.name, s.client, accountFile, s.dir, s.route, `"`+strings.Join(routes, `", "`)+`"`)
}

// url is the server's own address, past all links.
func (s *Server) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", s.client) }

// wipe removes what a server that does not run has on disk.
func (s *Server) wipe() error {
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	return nil
}
