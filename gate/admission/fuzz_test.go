package admission_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	imagepolicyv1 "k8s.io/api/imagepolicy/v1alpha1"

	"github.com/imagegate/imagegate/gate"
	"github.com/imagegate/imagegate/gate/admission"
	"github.com/imagegate/imagegate/policy"
)

// nothingAllowed judges every image undecided: whatever is let in was not asked about.
type nothingAllowed struct{}

func (nothingAllowed) Ask(context.Context, gate.Question) (gate.Result, error) {
	return gate.Result{Verdict: policy.NotDecidable, Findings: []policy.Finding{{Rule: "resolve", Outcome: policy.Undecided, Message: "down"}}}, nil
}

func (nothingAllowed) Pin(context.Context, string) (string, error) { return "", errors.New("down") }

func fuzzHandler(f *testing.F) http.Handler {
	f.Helper()
	p, err := policy.Parse("fuzz", []byte("apiVersion: imagegate.dev/v1\nkind: Policy\nmetadata: {name: fuzz}\nconfig: {nonRoot: true}\n"))
	require.NoError(f, err)
	h, err := admission.New(admission.Judge{Gate: nothingAllowed{}, Policy: p, Engines: "fuzz"})
	require.NoError(f, err)
	f.Cleanup(h.Close)
	return h
}

func answerTo(t *testing.T, h http.Handler, path string, body []byte, into any) {
	t.Helper()
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body)))
	require.Equal(t, http.StatusOK, recorder.Code)
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), into))
}

// FuzzImageReview: whatever comes, there is an answer, and it is no.
func FuzzImageReview(f *testing.F) {
	h := fuzzHandler(f)
	f.Add([]byte(capturedSmall))
	f.Add([]byte(capturedFull))
	f.Add([]byte(`{"kind":"ImageReview","apiVersion":"imagepolicy.k8s.io/v1alpha1","spec":{"containers":[{"image":"a\nb"},{"image":"\u0000"}]}}`))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var got imagepolicyv1.ImageReview
		answerTo(t, h, "/imagepolicy", body, &got)
		require.False(t, got.Status.Allowed)
		require.NotEmpty(t, got.Status.Reason)
	})
}

// FuzzAdmissionReview: there is an answer, and yes only where there is no image to
// judge: what is deleted, or has no pods yet.
func FuzzAdmissionReview(f *testing.F) {
	h := fuzzHandler(f)
	f.Add([]byte(capturedAdmission))
	f.Add([]byte(`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"1","kind":{"group":"apps","version":"v1","kind":"Deployment"},"object":{"spec":{"template":{"spec":{"containers":[{"image":"x"}]}}}}}}`))
	f.Add([]byte(`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"1","kind":{"version":"v1","kind":"Pod"},"object":null}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, path := range []string{"/validate", "/mutate"} {
			var got, asked admissionv1.AdmissionReview
			answerTo(t, h, path, body, &got)
			require.NotNil(t, got.Response)
			require.Empty(t, got.Response.Patch)
			if !got.Response.Allowed {
				require.NotEmpty(t, got.Response.Result.Message)
				continue
			}
			require.NoError(t, json.Unmarshal(body, &asked))
			require.Equal(t, asked.Request.UID, got.Response.UID)
			if path == "/validate" && asked.Request.Kind.Kind == "Pod" {
				require.Contains(t, []admissionv1.Operation{admissionv1.Delete, admissionv1.Connect}, asked.Request.Operation)
			}
		}
	})
}
