package inspect

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/gate/filetree"
	"github.com/imagegate/imagegate/gate/gatetest"
)

// FuzzInspect looks into images with any config, any users and a file of any name
// and content behind any link.
func FuzzInspect(f *testing.F) {
	f.Add([]byte(`{"os":"linux","config":{"User":"app:g","Entrypoint":["tool"],"Env":["PATH=/bin","AWS_SECRET_ACCESS_KEY=x"]}}`), passwd, group, "bin/tool", "#!/bin/sh\n", "bin/tool")
	f.Add([]byte(`{"config":{"User":"0","Cmd":["sh","-c","x"],"WorkingDir":"../..","Labels":{"a":"b"}},"history":[{"created_by":"RUN password=x"}]}`), "", "", "usr/bin/bash", gatetest.Program(), "/usr/bin/bash")
	f.Add([]byte(`{"config":{"Entrypoint":["/loop"]}}`), ":::", ":", "root/.ssh/id_rsa", "-----BEGIN OPENSSH PRIVATE KEY-----", "loop")
	f.Fuzz(func(t *testing.T, config []byte, passwd, group, path, content, link string) {
		parsed, err := v1.ParseConfigFile(bytes.NewReader(config))
		if err != nil || strings.Contains(path+link, "\x00") || path == "" || link == "" || strings.HasSuffix(path, "/") || len(path)+len(link) > 4000 {
			return
		}
		store := filetree.NewStore(filetree.Limits{Entries: 2000, Steps: 1 << 16, Memory: 1 << 20, Disk: -1})
		defer func() { require.NoError(t, store.Close()) }()
		layer, err := store.ReadLayer(context.Background(), diffID(0), bytes.NewReader(gatetest.Tar(t,
			gatetest.Entry{Path: "etc/passwd", Content: passwd}, gatetest.Entry{Path: "etc/group", Content: group},
			gatetest.Entry{Path: "x/" + path, Content: content, Mode: 0o755}, gatetest.Entry{Path: "loop", Symlink: link},
		)), filetree.Rules{Keep: Wants})
		if err != nil {
			return
		}
		files, err := store.Merge(context.Background(), []*filetree.Layer{layer})
		if err != nil {
			return
		}
		defer func() { require.NoError(t, files.Close()) }()
		inspection, err := New().Files(t.Context(), parsed, files)
		var limit *LimitError
		require.True(t, err == nil || errors.As(err, &limit), "%v", err)
		if err == nil && isLinux(parsed) {
			require.NotNil(t, inspection.Config.Runnable)
		}
	})
}
