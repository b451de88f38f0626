// Package admission answers a Kubernetes API server: may the images of this pod
// run? It is an http.Handler between two review APIs and a gate:
//
//	POST /imagepolicy   ImageReview, imagepolicy.k8s.io/v1alpha1 (ImagePolicyWebhook)
//	POST /validate      AdmissionReview, admission.k8s.io/v1 (ValidatingWebhookConfiguration)
//	POST /mutate        AdmissionReview: tags are pinned to digests (MutatingWebhookConfiguration)
//	GET  /healthz /readyz /metrics /version
//
// A review goes one way, and each part of it has a file of its own:
//
//	body → review       decode.go, imagereview.go, admissionreview.go: strict and bounded
//	     → images       images.go, workload.go: each place that names an image
//	     → questions    question.go: a reference of a registry, in a namespace
//	     → verdicts     verdicts.go: from memory, from the store, by a check
//	     → answer       answer.go: allowed or not, why, warnings, audit annotations
//
// It knows nothing of registries, signatures and databases: those are the gate's.
//
// # It answers always, and closed
//
// A 5xx, a 429 or a torn connection leaves it to the API server what to do, and a
// server with defaultAllow or failurePolicy Ignore then lets the pod in. So each
// review is answered with status 200 and a decision; what is wrong here, or with
// the question, denies with a reason that begins with the image and the rule.
// Panics are contained. Everything is bounded (Limits), and what is over a bound is
// denied with the bound's name.
//
// # Verdicts come from memory first
//
// A verdict is remembered under the reference, the overrides of the policy that
// the namespace selects, the hash of the policy, the checksum of the database, the
// hash of the trusted root and the version of the engines; so none of them can
// change without the question being asked anew. How long, says Keep: an allowed
// digest long, but never past the moment at which time alone would change the
// verdict (an exception that expires, a grace period that ends, a database that
// grows old); a denial for a minute, since somebody may be signing the image right
// now; what could not be judged for seconds; and no verdict about a tag longer than
// the tag is believed.
//
// Identical questions share one check. A check that takes longer than the API
// server waits goes on in the background, and the answer is that it is pending:
// denied, with the advice to try again, which a ReplicaSet does by itself.
//
// # What an ImageReview cannot know
//
// It names containers and init containers, but neither image volumes nor whether a
// pod was there before: a label that changes on a running pod sends all its images
// again. So WithKeepAdmitted works for /validate alone, and image volumes are judged
// by /validate alone. Use both, or /validate without /imagepolicy. Nor does any
// review carry the secrets of imagePullSecrets: the gate reads with credentials of
// its own.
//
// # Who is trusted
//
// The API server, as far as the TLS configuration of the server can tell. The
// content of a review was written by whoever may create pods and is hostile:
// image names are escaped wherever they are shown, only references of registries
// are asked about (never "oci:" or other paths on this machine), and annotations
// count only as tokens that a BreakGlass verifies.
package admission
