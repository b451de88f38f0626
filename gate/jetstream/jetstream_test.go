package jetstream_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/jetstream"
	"github.com/imagegate/imagegate/gate/store"
)

func embedded(t testing.TB, e jetstream.Embedding) *jetstream.Connection {
	t.Helper()
	c, err := jetstream.Embed(t.Context(), e)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func remembering(t testing.TB, c *jetstream.Connection, b jetstream.Bucket) *store.Store {
	t.Helper()
	s, err := store.New(c.Entries(b), make([]byte, store.SecretSize))
	require.NoError(t, err)
	return s
}

func TestEntriesSurviveTheServer(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	c, err := jetstream.Embed(t.Context(), jetstream.Embedding{Folder: folder})
	require.NoError(t, err)
	s := remembering(t, c, jetstream.Bucket{})
	_, _, ok := s.Get(t.Context(), "key")
	require.False(t, ok)
	s.Put(t.Context(), "key", []byte("value"))
	c.Close()

	s = remembering(t, embedded(t, jetstream.Embedding{Folder: folder}), jetstream.Bucket{})
	value, _, ok := s.Get(t.Context(), "key")
	require.True(t, ok)
	require.Equal(t, "value", string(value))
}

func TestEntriesLargerThanAMessage(t *testing.T) {
	t.Parallel()
	c := embedded(t, jetstream.Embedding{Folder: t.TempDir()})
	s := remembering(t, c, jetstream.Bucket{})
	for _, size := range []int{0, 1, 512<<10 - 200, 512 << 10, 3 << 20, 40 << 20, 700 << 10, 2} {
		value := make([]byte, size)
		_, _ = rand.Read(value) // does not compress
		s.Put(t.Context(), "key", value)
		got, _, ok := s.Get(t.Context(), "key")
		require.True(t, ok, "%d bytes", size)
		require.True(t, bytes.Equal(value, got), "%d bytes", size)
	}
}

func TestEntriesOfWhichPartsAreMissing(t *testing.T) {
	t.Parallel()
	c := embedded(t, jetstream.Embedding{Folder: t.TempDir()})
	entries := c.Entries(jetstream.Bucket{Name: "small"})
	entry := make([]byte, 2<<20)
	require.NoError(t, put(t.Context(), entries, "name", entry))
	values, err := c.JetStream().KeyValue(t.Context(), "small")
	require.NoError(t, err)
	require.NoError(t, values.Delete(t.Context(), "name.1"))
	_, err = entries.Get(t.Context(), "name")
	require.ErrorIs(t, err, fs.ErrNotExist)

	for _, lie := range []string{"", "short", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x09x"} {
		_, err = values.Put(t.Context(), "name", []byte(lie))
		require.NoError(t, err)
		_, err = entries.Get(t.Context(), "name")
		require.ErrorIs(t, err, fs.ErrNotExist, "%q", lie)
	}
}

func put(ctx context.Context, entries *jetstream.Entries, name string, entry []byte) error {
	return entries.Put(ctx, name, bytes.NewReader(entry), int64(len(entry)))
}

func TestAFullBucketDropsTheOldest(t *testing.T) {
	t.Parallel()
	c := embedded(t, jetstream.Embedding{Folder: t.TempDir()})
	entries := c.Entries(jetstream.Bucket{Name: "small", MaxBytes: 2 << 20})
	for i := range 8 {
		require.NoError(t, put(t.Context(), entries, fmt.Sprint(i), make([]byte, 400<<10)))
	}
	_, err := entries.Get(t.Context(), "0")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = entries.Get(t.Context(), "7")
	require.NoError(t, err)
}

func TestSomebodyElsesFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	_, err := jetstream.Attach(t.Context(), folder)
	require.ErrorIs(t, err, fs.ErrNotExist)

	owner := embedded(t, jetstream.Embedding{Folder: folder, Listen: true})
	_, err = jetstream.Embed(t.Context(), jetstream.Embedding{Folder: folder})
	var busy *jetstream.BusyError
	require.ErrorAs(t, err, &busy)
	require.NotEmpty(t, busy.Remedy())

	guest, err := jetstream.Attach(t.Context(), folder)
	require.NoError(t, err)
	defer guest.Close()
	require.True(t, owner.Embedded())
	require.False(t, guest.Embedded())
	remembering(t, owner, jetstream.Bucket{}).Put(t.Context(), "key", []byte("value"))
	value, _, ok := remembering(t, guest, jetstream.Bucket{}).Get(t.Context(), "key")
	require.True(t, ok)
	require.Equal(t, "value", string(value))

	info, err := os.Stat(filepath.Join(folder, "endpoint.json"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
}

func TestTheTokenIsNeeded(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	embedded(t, jetstream.Embedding{Folder: folder, Listen: true})
	content, err := os.ReadFile(filepath.Join(folder, "endpoint.json"))
	require.NoError(t, err)
	var at struct{ URL string }
	require.NoError(t, json.Unmarshal(content, &at))
	host, _, err := net.SplitHostPort(at.URL[len("nats://"):])
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", host)
	_, err = jetstream.Dial(t.Context(), jetstream.Address{URL: at.URL})
	require.ErrorIs(t, err, nats.ErrAuthorization)
	var refused *jetstream.ConnectError
	require.ErrorAs(t, err, &refused)
	require.False(t, refused.Transient())
}

func TestNoPortUnlessAskedFor(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	embedded(t, jetstream.Embedding{Folder: folder})
	_, err := os.Stat(filepath.Join(folder, "endpoint.json"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// external is a server of its own, as an administrator runs it.
func external(t testing.TB, change func(*server.Options)) *server.Server {
	t.Helper()
	s := begun(t, change)
	require.True(t, s.ReadyForConnections(time.Minute))
	return s
}

func begun(t testing.TB, change func(*server.Options)) *server.Server {
	t.Helper()
	o := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true}
	change(o)
	s, err := server.NewServer(o)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

func TestServersElsewhere(t *testing.T) {
	plain := external(t, func(*server.Options) {})
	password := external(t, func(o *server.Options) { o.Username, o.Password = "gate", "sesame" })
	without := external(t, func(o *server.Options) { o.JetStream = false })
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	require.NoError(t, os.MkdirAll(filepath.Join(config, "nats", "context"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(config, "nats", "context", "prod.json"),
		fmt.Appendf(nil, `{"description":"","url":%q,"user":"gate","password":"sesame"}`, password.ClientURL()), 0o600))

	for name, test := range map[string]struct {
		address jetstream.Address
		says    string
	}{
		"by address":         {jetstream.Address{URL: plain.ClientURL()}, ""},
		"several":            {jetstream.Address{URL: "nats://127.0.0.1:1," + plain.ClientURL()}, ""},
		"password in it":     {jetstream.Address{URL: "nats://gate:sesame@" + password.Addr().String()}, ""},
		"wrong password":     {jetstream.Address{URL: "nats://gate:guess@" + password.Addr().String()}, "Authorization"},
		"by context":         {jetstream.Address{Context: "prod"}, ""},
		"no such context":    {jetstream.Address{Context: "test"}, "no NATS context"},
		"context is no path": {jetstream.Address{Context: "../../etc"}, "no name of a NATS context"},
		"no address":         {jetstream.Address{}, "no address"},
		"nobody there":       {jetstream.Address{URL: "nats://127.0.0.1:1"}, "127.0.0.1:1"},
		"no credentials":     {jetstream.Address{URL: plain.ClientURL(), Credentials: filepath.Join(config, "none.creds")}, "none.creds"},
		"no JetStream":       {jetstream.Address{URL: without.ClientURL()}, "not enabled"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := jetstream.Dial(t.Context(), test.address)
			if test.says == "" {
				require.NoError(t, err)
				require.Equal(t, 1, c.Replicas())
				c.Close()
				return
			}
			require.ErrorContains(t, err, test.says)
			require.NotContains(t, err.Error(), "guess")
			var failed *jetstream.ConnectError
			require.ErrorAs(t, err, &failed)
			require.NotEmpty(t, failed.Remedy())
		})
	}
}

// TestLossCostsNoVerdict: while the server is away nothing is found and nobody
// waits for it twice; when it is back, so is what it kept.
func TestLossCostsNoVerdict(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	keep := func(o *server.Options) { o.StoreDir = folder }
	s := external(t, keep)
	port := s.Addr().(*net.TCPAddr).Port
	c, err := jetstream.Dial(t.Context(), jetstream.Address{URL: s.ClientURL()})
	require.NoError(t, err)
	defer c.Close()
	memory := remembering(t, c, jetstream.Bucket{})
	memory.Put(t.Context(), "key", []byte("value"))

	s.Shutdown()
	s.WaitForShutdown()
	for range 1000 { // 1000 times the bounded wait would be the end of this test
		_, _, ok := memory.Get(t.Context(), "key")
		require.False(t, ok)
		memory.Put(t.Context(), "key", []byte("other"))
	}

	external(t, func(o *server.Options) { keep(o); o.Port = port })
	require.Eventually(t, func() bool {
		value, _, ok := memory.Get(t.Context(), "key")
		return ok && string(value) == "value"
	}, time.Minute, 50*time.Millisecond)
}

// TestAServerThatDoesNotAnswer: it takes connections and then says nothing.
func TestAServerThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	s := external(t, func(*server.Options) {})
	c, err := jetstream.Dial(t.Context(), jetstream.Address{URL: s.ClientURL(), Later: true})
	require.NoError(t, err)
	defer c.Close()
	entries := c.Entries(jetstream.Bucket{Wait: 50 * time.Millisecond})
	require.NoError(t, put(t.Context(), entries, "name", []byte("entry")))
	require.NoError(t, s.DisableJetStream())
	for range 1000 {
		_, err = entries.Get(t.Context(), "name")
		require.Error(t, err)
	}
}

func TestDialLater(t *testing.T) {
	t.Parallel()
	c, err := jetstream.Dial(t.Context(), jetstream.Address{URL: "nats://127.0.0.1:1", Later: true})
	require.NoError(t, err)
	defer c.Close()
	_, _, ok := remembering(t, c, jetstream.Bucket{}).Get(t.Context(), "key")
	require.False(t, ok)
}

// TestCluster keeps entries on three servers, and loses one of them.
func TestCluster(t *testing.T) {
	t.Parallel()
	servers := cluster(t, 3)
	c, err := jetstream.Dial(t.Context(), jetstream.Address{URL: servers[0].ClientURL() + "," + servers[1].ClientURL()})
	require.NoError(t, err)
	defer c.Close()
	require.Eventually(t, func() bool { return c.Replicas() == 3 }, time.Minute, 10*time.Millisecond)

	entries := c.Entries(jetstream.Bucket{Wait: 10 * time.Second})
	entry := make([]byte, 1<<20)
	require.Eventually(t, func() bool { return put(t.Context(), entries, "name", entry) == nil }, time.Minute, 50*time.Millisecond)
	stream, err := c.JetStream().Stream(t.Context(), "KV_imagegate")
	require.NoError(t, err)
	require.Equal(t, 3, stream.CachedInfo().Config.Replicas)

	leader := stream.CachedInfo().Cluster.Leader
	for _, s := range servers {
		if s.Name() == leader {
			s.Shutdown()
			s.WaitForShutdown()
		}
	}
	require.Eventually(t, func() bool {
		got, err := entries.Get(t.Context(), "name")
		return err == nil && bytes.Equal(entry, got)
	}, time.Minute, 50*time.Millisecond)
	require.Eventually(t, func() bool { return put(t.Context(), entries, "other", entry) == nil }, time.Minute, 50*time.Millisecond)
}

// cluster starts servers that know each other's address.
func cluster(t testing.TB, n int) []*server.Server {
	t.Helper()
	var routes []string
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		routes = append(routes, "nats://"+l.Addr().String())
		require.NoError(t, l.Close())
	}
	var servers []*server.Server
	for i := range n {
		servers = append(servers, begun(t, func(o *server.Options) {
			o.ServerName = fmt.Sprintf("n%d", i)
			o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[i]}
			o.Routes = server.RoutesFromStr(strings.Join(routes, ","))
		}))
	}
	for _, s := range servers {
		require.True(t, s.ReadyForConnections(time.Minute))
	}
	return servers
}
