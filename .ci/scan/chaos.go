package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/imagegate/imagegate/gate/scan/estate"
	"github.com/imagegate/imagegate/policy"
)

const (
	chaosImages  = 240
	chaosWorkers = 4
	chaosServers = 3
	// chaosKills is after how many the scan is left alone.
	chaosKills = 24
	// chaosPolicy needs no database.
	chaosPolicy = "apiVersion: imagegate.dev/v1\nkind: Policy\nmetadata: {name: chaos}\nextends: nothing\n" +
		"config: {nonRoot: true}\ncontent: {shells: deny}\nsbom: {complete: required}\n"
)

// chaos kills whatever takes part in a scan, and looks whether that shows in its
// results.
func chaos(ctx context.Context, o options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	site, err := newSite(1500*time.Millisecond, chaosImages)
	if err != nil {
		return err
	}
	defer site.close()
	c := &cast{options: o, ctx: ctx, random: rand.New(rand.NewPCG(o.seed, 0)), site: site}
	defer c.end()
	if err := c.enter(); err != nil {
		return err
	}
	start := time.Now()
	scans, err := c.play()
	if err != nil {
		return err
	}
	fmt.Printf("seed %d: %d images, %d servers, %d workers, one scanner\n", o.seed, chaosImages, chaosServers, chaosWorkers)
	fmt.Printf("killed (-9)          %d servers, %d workers, %d scanners in %s\n", c.killed["server"], c.killed["worker"], c.killed["scanner"], time.Since(start).Round(time.Second))
	fmt.Printf("scanner processes    %d\n", scans)
	return c.judge()
}

// cast are the processes that take part.
type cast struct {
	options
	ctx     context.Context
	random  *rand.Rand
	site    *site
	servers []*actor
	workers []*actor
	urls    string
	killed  map[string]int
}

// actor is one process that is started again when it was killed.
type actor struct {
	role string
	make func() *exec.Cmd
	cmd  *exec.Cmd
	gone chan struct{} // closed when the process has ended
}

func (a *actor) start() error {
	a.cmd, a.gone = a.make(), make(chan struct{})
	if err := a.cmd.Start(); err != nil {
		return err
	}
	go func(cmd *exec.Cmd, gone chan struct{}) { _ = cmd.Wait(); close(gone) }(a.cmd, a.gone)
	return nil
}

func (a *actor) kill() {
	_ = a.cmd.Process.Signal(syscall.SIGKILL)
	<-a.gone
}

// enter starts servers and workers.
func (c *cast) enter() error {
	c.killed = map[string]int{}
	policyFile := filepath.Join(c.out, "policy.yaml")
	if err := os.WriteFile(policyFile, []byte(chaosPolicy), 0o600); err != nil {
		return err
	}
	ports, err := freePorts(2 * chaosServers)
	if err != nil {
		return err
	}
	var routes, urls []string
	for i := range chaosServers {
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", ports[i]))
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", ports[chaosServers+i]))
	}
	c.urls = strings.Join(urls, ",")
	for i := range chaosServers {
		c.servers = append(c.servers, &actor{role: "server", make: func() *exec.Cmd {
			return exec.CommandContext(c.ctx, os.Args[0], "-out", c.out, "part", "nats", fmt.Sprint(ports[i]), fmt.Sprint(ports[chaosServers+i]), strings.Join(routes, ","))
		}})
	}
	for i := range chaosWorkers {
		c.workers = append(c.workers, &actor{role: "worker", make: func() *exec.Cmd {
			return c.command(fmt.Sprintf("worker-%d", i), "worker", "--name", fmt.Sprintf("worker-%d", i), "--parallel", "2")
		}})
	}
	for _, a := range c.servers {
		if err := a.start(); err != nil {
			return err
		}
	}
	return nil
}

// command is imagegate with the flags that all have. Each has a cache of its own, as
// on machines of their own.
func (c *cast) command(cache string, args ...string) *exec.Cmd {
	args = append(args, "--nats", c.urls, "--policy", filepath.Join(c.out, "policy.yaml"), "--max-requests", "1000")
	cmd := exec.CommandContext(c.ctx, c.gate, args...)
	cmd.Env = append(os.Environ(), "IMAGEGATE_CACHE_DIR="+filepath.Join(c.out, cache), "DOCKER_CONFIG="+c.out)
	if log, err := os.OpenFile(filepath.Join(c.out, cache+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err == nil {
		cmd.Stdout, cmd.Stderr = log, log
	}
	return cmd
}

func (c *cast) results() string { return filepath.Join(c.out, "results.jsonl") }

// play scans until the scan ends, killing meanwhile. It returns how many scanners
// that took.
func (c *cast) play() (scans int, err error) {
	scanner := &actor{role: "scanner", make: func() *exec.Cmd {
		return c.command("scanner", "scan", c.site.host+"/**", "--parallel", "0", "--ack-wait", "5s", "-o", "jsonl="+c.results())
	}}
	if err := scanner.start(); err != nil {
		return 0, err
	}
	scans = 1
	// What was begun is gone on with; what was killed before it began is begun again.
	resumed := func() *exec.Cmd {
		return c.command("scanner", "scan", "--resume", "latest", "--parallel", "0", "-o", "jsonl="+c.results())
	}
	for _, a := range c.workers {
		if err := a.start(); err != nil {
			return scans, err
		}
	}
	for {
		select {
		case <-scanner.gone:
			code := scanner.cmd.ProcessState.ExitCode()
			if code == 0 || code == 1 {
				return scans, nil
			}
			if scans > 3*chaosKills {
				return scans, fmt.Errorf("the scanner ended with %d: see %s", code, filepath.Join(c.out, "scanner.log"))
			}
			time.Sleep(time.Second) // a server is away: as long as who runs it again would wait
			scans++
			if c.begun() {
				scanner.make = resumed
			}
			if err := scanner.start(); err != nil {
				return scans, err
			}
		case <-time.After(300*time.Millisecond + time.Duration(c.random.IntN(1500))*time.Millisecond):
			if err := c.strike(scanner); err != nil {
				return scans, err
			}
		case <-c.ctx.Done():
			return scans, context.Cause(c.ctx)
		}
		for _, a := range c.workers { // one that could not reach NATS when it started
			select {
			case <-a.gone:
				if err := a.start(); err != nil {
					return scans, err
				}
			default:
			}
		}
	}
}

// begun says whether there is a scan to go on with.
func (c *cast) begun() bool {
	log, err := os.ReadFile(filepath.Join(c.out, "scanner.log"))
	return err == nil && strings.Contains(string(log), "scan 2")
}

// strike kills one of them. A server is started again before another is killed: two
// of three are the least that can go on.
func (c *cast) strike(scanner *actor) error {
	if c.killed["server"]+c.killed["worker"]+c.killed["scanner"] >= chaosKills {
		return nil
	}
	var victim *actor
	switch n := c.random.IntN(10); {
	case n < 3:
		victim = c.servers[c.random.IntN(len(c.servers))]
	case n < 8:
		victim = c.workers[c.random.IntN(len(c.workers))]
	default:
		c.killed["scanner"]++
		_ = scanner.cmd.Process.Signal(syscall.SIGKILL) // play starts another
		return nil
	}
	c.killed[victim.role]++
	victim.kill()
	if victim.role == "server" {
		time.Sleep(time.Duration(200+c.random.IntN(1500)) * time.Millisecond)
	}
	return victim.start()
}

// judge looks at what came of it.
func (c *cast) judge() error {
	f, err := os.Open(c.results())
	if err != nil {
		return err
	}
	defer f.Close()
	found := map[string]estate.Record{}
	lines, parked := 0, 0
	for r, err := range estate.Read(f) {
		if err != nil {
			return err
		}
		lines++
		found[r.Digest] = r
		if r.Error != "" {
			parked++
		}
	}
	wrong := 0
	for digest, allowed := range c.site.expected {
		r, ok := found[digest]
		if !ok || r.Error == "" && (r.Verdict == policy.Allow) != allowed {
			wrong++
			fmt.Printf("wrong: %s %v %s\n", digest, ok, r.Verdict)
		}
	}
	fmt.Printf("results              %d of %d, %d wrong or lost, %d parked, %d of a digest twice\n",
		len(found), len(c.site.expected), wrong, parked, lines-len(found))
	fmt.Printf("images asked for     %d times: %d more than there are\n", c.site.asked(), c.site.asked()-len(c.site.expected))
	if wrong > 0 || len(found) != len(c.site.expected) || lines != len(found) {
		return errors.New("the results are not those of a scan that nobody disturbs")
	}
	return nil
}

// end stops what still runs.
func (c *cast) end() {
	for _, a := range append(c.workers, c.servers...) {
		if a.cmd != nil && a.cmd.Process != nil {
			a.kill()
		}
	}
}

// natsPart is one server of a cluster.
func natsPart(ctx context.Context, out, port, routePort, routes string) error {
	o := &natsserver.Options{
		ServerName: "n" + port, Host: "127.0.0.1", JetStream: true, NoSigs: true, NoLog: true,
		Cluster: natsserver.ClusterOpts{Name: "chaos", Host: "127.0.0.1"}, Routes: natsserver.RoutesFromStr(routes),
	}
	if _, err := fmt.Sscan(port+" "+routePort, &o.Port, &o.Cluster.Port); err != nil {
		return err
	}
	o.StoreDir = filepath.Join(out, "nats-"+port)
	s, err := natsserver.NewServer(o)
	if err != nil {
		return err
	}
	s.Start()
	<-ctx.Done()
	s.Shutdown()
	return nil
}

func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
