package pace_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/scan/pace"
)

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func get(t *testing.T, p *pace.Pacer, url string) (int, string) {
	t.Helper()
	response, err := (&http.Client{Transport: p}).Get(url)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode, string(body)
}

func TestConnectionsCountUntilTheBodyIsClosed(t *testing.T) {
	t.Parallel()
	var open, most atomic.Int64
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		now := open.Add(1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		_, _ = io.WriteString(w, "answer")
		open.Add(-1)
	})
	p := pace.New(http.DefaultTransport, pace.Limits{Connections: 2, Requests: -1})
	var group sync.WaitGroup
	for range 40 {
		group.Go(func() { get(t, p, url) })
	}
	group.Wait()
	require.LessOrEqual(t, most.Load(), int64(2))
	require.Equal(t, int64(40*len("answer")), p.Pulled())
}

func TestARefusalIsWaitedOut(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(http.ResponseWriter){
		"retry after seconds": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"retry after a date": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", time.Now().UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		"no word of it": func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if asked.Add(1) == 1 {
					refuse(w)
					return
				}
				_, _ = io.WriteString(w, "answer")
			})
			status, body := get(t, pace.New(http.DefaultTransport, pace.Limits{Connections: 1}), url)
			require.Equal(t, http.StatusOK, status)
			require.Equal(t, "answer", body)
			require.Equal(t, int64(2), asked.Load())
		})
	}
}

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	p := pace.New(http.DefaultTransport, pace.Limits{Patience: time.Second})
	status, _ := get(t, p, url)
	require.Equal(t, http.StatusTooManyRequests, status)
	require.Len(t, p.Waiting(), 1, "and nobody else asks meanwhile")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	require.NoError(t, err)
	_, err = p.RoundTrip(request)
	require.ErrorIs(t, err, context.Canceled)
}

func TestWhatChangesSomethingIsSentOnce(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	response, err := (&http.Client{Transport: pace.New(http.DefaultTransport, pace.Limits{})}).Post(url, "text/plain", strings.NewReader("x"))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, int64(1), asked.Load())
}

func TestABudgetThatIsUsedUp(t *testing.T) {
	t.Parallel()
	for name, headers := range map[string]map[string]string{
		"draft":      {"RateLimit-Remaining": "0", "RateLimit-Reset": "30"},
		"docker hub": {"RateLimit-Remaining": "0;w=21600"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				for key, value := range headers {
					w.Header().Set(key, value)
				}
			})
			p := pace.New(http.DefaultTransport, pace.Limits{})
			status, _ := get(t, p, url)
			require.Equal(t, http.StatusOK, status)
			require.Len(t, p.Waiting(), 1)
		})
	}
}

func TestBytesAreMeteredByContext(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 100_000)) })
	p := pace.New(http.DefaultTransport, pace.Limits{Bytes: 10e6})
	var one, other pace.Meter
	for _, m := range []*pace.Meter{&one, &other, &one} {
		request, err := http.NewRequestWithContext(pace.WithMeter(t.Context(), m), http.MethodGet, url, nil)
		require.NoError(t, err)
		response, err := (&http.Client{Transport: p}).Do(request)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
	}
	require.Equal(t, int64(200_000), one.Bytes())
	require.Equal(t, int64(100_000), other.Bytes())
	require.Equal(t, int64(300_000), p.Pulled())
}
