package scan

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/jetstream"
)

// TestTheLatestScanBeganLast: whatever the clock said then.
func TestTheLatestScanBeganLast(t *testing.T) {
	t.Parallel()
	connection, err := jetstream.Embed(t.Context(), jetstream.Embedding{Folder: t.TempDir()})
	require.NoError(t, err)
	defer connection.Close()
	q, err := Open(t.Context(), connection)
	require.NoError(t, err)
	at := time.Date(2027, 1, 2, 15, 4, 5, 0, time.UTC)
	for _, step := range []time.Duration{0, 0, -2 * time.Hour, -time.Hour, 3 * time.Hour, -time.Second} {
		at = at.Add(step)
		q.now = func() time.Time { return at }
		s, err := q.Begin(t.Context(), Plan{Targets: []string{"registry.example.com"}})
		require.NoError(t, err)
		require.Equal(t, at, s.Info().Started, "it is told as the clock has it")
		latest, err := q.Latest(t.Context())
		require.NoError(t, err)
		require.Equal(t, s.ID(), latest)
	}
}
