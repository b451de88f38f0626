// Package browser opens HTML pages in a headless Chromium, for tests: it loads a
// page from a file, clicks, types and asks what the page shows. It knows nothing of
// what the pages are about.
package browser

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Browser is a headless browser that a test drives over two pipes, in Chrome's
// DevTools protocol: JSON messages, each ended by a zero byte. That is all a test
// of one page needs; a driver as a dependency would put its modules into the
// build list of everybody who uses this one.
type Browser struct {
	t       *testing.T
	out     *os.File
	session string

	mu      sync.Mutex
	id      int
	waiting map[int]chan message
	events  chan message
	console []string // what the page complained about
}

type message struct {
	ID        int             `json:"id,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// Need is the environment variable by which a build says that the tests of
// the page must not be skipped.
const Need = "IMAGEGATE_NEED_BROWSER"

func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv(Need) != "" {
		t.Fatal("no chromium is installed, and " + Need + " is set")
	}
	t.Skip("no chromium is installed: the HTML page is not opened (apt-get install chromium)")
	return ""
}

// Start opens an empty page in a browser of its own, which ends with the test.
func Start(t *testing.T) *Browser {
	t.Helper()
	path := findChromium(t)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	fromTest, toBrowser, err := os.Pipe()
	require.NoError(t, err)
	fromBrowser, toTest, err := os.Pipe()
	require.NoError(t, err)
	cmd := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-pipe")
	cmd.ExtraFiles = []*os.File{fromTest, toTest} // descriptors 3 and 4
	require.NoError(t, cmd.Start())
	fromTest.Close()
	toTest.Close()

	c := &Browser{t: t, out: toBrowser, waiting: map[int]chan message{}, events: make(chan message, 1000)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		c.read(fromBrowser)
	}()
	t.Cleanup(func() {
		c.session = ""
		_, _ = c.try("Browser.close", nil)
		toBrowser.Close()
		_ = cmd.Wait() // how it ends is not what is tested
		cancel()
		<-read
		fromBrowser.Close()
	})

	var target struct{ TargetID, SessionID string }
	c.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	c.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &target)
	c.session = target.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		c.call(domain+".enable", nil, nil)
	}
	return c
}

// read hands answers to those who wait for them, and notes what the page complains
// about. It ends with the browser.
func (c *Browser) read(from *os.File) {
	r := bufio.NewReader(from)
	for {
		data, err := r.ReadBytes(0)
		if err != nil {
			c.mu.Lock()
			for _, waiting := range c.waiting {
				close(waiting)
			}
			c.waiting = nil
			c.mu.Unlock()
			return
		}
		var m message
		if json.Unmarshal(data[:len(data)-1], &m) != nil {
			continue
		}
		c.mu.Lock()
		switch {
		case m.ID != 0:
			c.waiting[m.ID] <- m
			delete(c.waiting, m.ID)
		case m.Method == "Runtime.exceptionThrown" || m.Method == "Log.entryAdded" || m.Method == "Runtime.consoleAPICalled":
			c.console = append(c.console, string(m.Params))
		case m.Method == "Page.loadEventFired" || m.Method == "Network.requestWillBeSent" || m.Method == "Network.loadingFailed":
			select {
			case c.events <- m:
			default: // a test that asks for no events
			}
		}
		c.mu.Unlock()
	}
}

func (c *Browser) try(method string, params any) (json.RawMessage, error) {
	data, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	answer := make(chan message, 1)
	c.mu.Lock()
	if c.waiting == nil {
		c.mu.Unlock()
		return nil, fmt.Errorf("%s: the browser has ended", method)
	}
	c.id++
	m := message{ID: c.id, SessionID: c.session, Method: method}
	if params != nil {
		m.Params = data
	}
	c.waiting[m.ID] = answer
	c.mu.Unlock()
	if data, err = json.Marshal(m); err != nil {
		return nil, err
	}
	if _, err := c.out.Write(append(data, 0)); err != nil {
		return nil, err
	}
	select {
	case m, ok := <-answer:
		if !ok {
			return nil, fmt.Errorf("%s: the browser has ended", method)
		}
		if m.Error != nil {
			return nil, fmt.Errorf("%s: %s", method, m.Error.Message)
		}
		return m.Result, nil
	case <-time.After(time.Minute):
		return nil, fmt.Errorf("%s: no answer for a minute", method)
	}
}

func (c *Browser) call(method string, params, result any) {
	c.t.Helper()
	data, err := c.try(method, params)
	require.NoError(c.t, err)
	if result != nil {
		require.NoError(c.t, json.Unmarshal(data, result))
	}
}

// Open shows a page and returns the addresses that it fetched, or tried to
// although nothing stopped it.
func (c *Browser) Open(html string) []string {
	c.t.Helper()
	path := filepath.Join(c.t.TempDir(), "report.html")
	require.NoError(c.t, os.WriteFile(path, []byte(html), 0o600))
	c.call("Page.navigate", map[string]any{"url": "file://" + path}, nil)
	fetched := map[string]string{} // by request
	for {
		select {
		case m := <-c.events:
			var p struct {
				RequestID, BlockedReason string
				Request                  struct{ URL string }
			}
			require.NoError(c.t, json.Unmarshal(m.Params, &p))
			switch {
			case m.Method == "Page.loadEventFired":
				return slices.Sorted(maps.Values(fetched))
			case m.Method == "Network.requestWillBeSent":
				fetched[p.RequestID] = p.Request.URL
			case p.BlockedReason != "": // by the page's policy
				delete(fetched, p.RequestID)
			}
		case <-time.After(time.Minute):
			c.t.Fatal("the page did not load within a minute")
		}
	}
}

// Eval returns the value of an expression in the page; a promise is awaited.
func Eval[T any](c *Browser, expression string) T {
	c.t.Helper()
	var answer struct {
		Result           struct{ Value T }
		ExceptionDetails *struct{ Text string }
	}
	c.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &answer)
	require.Nil(c.t, answer.ExceptionDetails, expression)
	return answer.Result.Value
}

// Look sets how large the window is, and scheme what the user prefers.
func (c *Browser) Look(width, height int, scheme string) {
	c.t.Helper()
	c.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
	c.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// Click clicks on the middle of what a selector finds, as a user would.
func (c *Browser) Click(selector string) {
	c.t.Helper()
	at := Eval[[]float64](c, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.scrollIntoView({block: "center", behavior: "instant"});
		const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`, selector))
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		c.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1}, nil)
	}
	c.Settle()
}

// Write writes text into what has the focus.
func (c *Browser) Write(text string) {
	c.t.Helper()
	c.call("Input.insertText", map[string]any{"text": text}, nil)
	c.Settle()
}

// Press presses a key that makes no character.
func (c *Browser) Press(key string, code int) {
	c.t.Helper()
	params := map[string]any{"key": key, "code": key, "windowsVirtualKeyCode": code}
	if key == "Enter" {
		params["text"] = "\r"
	}
	for _, kind := range []string{"keyDown", "keyUp"} {
		params["type"] = kind
		c.call("Input.dispatchKeyEvent", params, nil)
	}
	c.Settle()
}

// Settle waits until the page has drawn what it was told.
func (c *Browser) Settle() {
	c.t.Helper()
	Eval[bool](c, `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`)
}

// Screenshot writes what the window shows.
func (c *Browser) Screenshot(path string) {
	c.t.Helper()
	var shot struct{ Data string }
	c.call("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	require.NoError(c.t, err)
	require.NotEmpty(c.t, data)
	require.NoError(c.t, os.WriteFile(path, data, 0o600))
}

// Complaints are the errors and warnings of the page's console.
func (c *Browser) Complaints() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.console
}
