//go:build e2e

package e2e

import "time"

// bad is the pod of an image in which a vulnerability becomes known.
const bad = "from-before"

// wentBad has a pod run when that happens. The plugin ImagePolicyWebhook sends the
// images of a pod again for any change of it, and does not say that they were there
// before.
func wentBad(g *group) {
	s := g.scene
	g.admitted("at first it is clean", "", nil, "run", bad, "--image="+s.images.ref("late"), "--restart=Never")
	g.admitted("and gets a finalizer", "", nil, "patch", "pod", bad, "--type=merge", "-p", `{"metadata":{"finalizers":["example.com/hold"]}}`)
	s.gate.buildDatabase("advisories-later", map[string]string{"debian/CVE-2026-0001.json": lateAdvisory, "nvd/CVE-2026-0001.json": lateScore})
	another := s.run(s.images.ref("late"), "--dry-run=server")
	g.holds("another database knows better: a new pod", "refused: CVE-2026-0001", eventually(20*time.Second, func() error { return s.refusedFor(another, "CVE-2026-0001") }))
	g.refused("the pod that runs is labelled: ImagePolicyWebhook cannot know", "", []string{"image policy webhook", "CVE-2026-0001"}, "label", "pod", bad, "checked=yes")
}

// wentBadWithoutPlugin goes on where an API server asks /validate alone, which sees
// what the pod was before.
func wentBadWithoutPlugin(g *group) {
	s := g.scene
	g.refused("a new pod", "", []string{"CVE-2026-0001"}, s.run(s.images.ref("late"))...)
	g.admitted("the pod that runs is labelled", "", nil, "label", "pod", bad, "checked=yes")
	g.refused("but gets no other bad image", "", []string{"/shell@", "content.shells"}, "set", "image", "pod/"+bad, bad+"="+s.images.ref("shell"))
	s.cluster.must("", "delete", "pod", bad, "--grace-period=0", "--force", "--wait=false")
	g.admitted("and is relieved of its finalizer", "", nil, "patch", "pod", bad, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	g.refused("so that it is gone", "", []string{"NotFound"}, "get", "pod", bad)
}

// The record of a vulnerability that nobody knew of at first, made up.
const (
	lateAdvisory = `{"Vulnerability": {"Name": "CVE-2026-0001", "NamespaceName": "debian:12", "Severity": "Unknown",
  "Link": "https://example.com/CVE-2026-0001", "CVSS": [], "Metadata": {}, "FixedIn": [{"Name": "late", "NamespaceName": "debian:12",
  "VersionFormat": "dpkg", "Version": "1.0-2", "VendorAdvisory": {"NoAdvisory": false, "AdvisorySummary": []},
  "Available": {"Date": "2026-01-02", "Kind": "advisory"}}]}}`
	lateScore = `{"cve": {"id": "CVE-2026-0001", "published": "2026-01-02T00:00:00.000", "vulnStatus": "Analyzed",
  "descriptions": [{"lang": "en", "value": "A made up vulnerability."}], "references": [{"url": "https://example.com/CVE-2026-0001"}],
  "weaknesses": [], "metrics": {"cvssMetricV31": [{"source": "nvd@nist.gov", "type": "Primary", "cvssData": {"version": "3.1",
  "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "baseScore": 9.8, "baseSeverity": "CRITICAL"}}]}}}`
)
