package admission_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"io"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/admission"
)

// BenchmarkStored answers a review of an image that is known, with its line in the log.
func BenchmarkStored(b *testing.B) {
	w := newWorld(b, admission.WithLog(slog.New(slog.NewJSONHandler(io.Discard, nil))))
	body := encode(b, reviewOf("default", w.named("good@"+w.good.String())))
	require.True(b, w.askRaw("/imagepolicy?timeout=30s", body).Allowed)
	b.ReportAllocs()
	for b.Loop() {
		request := httptest.NewRequest(http.MethodPost, "/imagepolicy?timeout=30s", bytes.NewReader(body))
		w.handler.ServeHTTP(httptest.NewRecorder(), request)
	}
}
