package expression_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/imagegate/imagegate/policy/expression"
)

type word string

type item struct {
	Name  string   `json:"name"`
	Score *float64 `json:"score"`
	Kind  word     `json:"kind"`
}

type image struct {
	Labels  map[string]string `json:"labels"`
	Items   []item            `json:"items"`
	UID     *int64            `json:"uid"`
	Created *time.Time        `json:"created"`
	Files   int               `json:"files"`
	Fits    bool              `json:"fits"`
	Hidden  string            `json:"-"`
}

func language(t testing.TB) *expression.Language {
	t.Helper()
	l, err := expression.New(map[string]any{"image": image{}, "stage": "", "predicate": any(nil), "now": time.Time{}})
	require.NoError(t, err)
	return l
}

func facts() map[string]any {
	score := 7.5
	created := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return map[string]any{
		"image": image{
			Labels: map[string]string{"team": "a", "base": "debian:12"}, Files: 3, Fits: true, Created: &created,
			Items: []item{{"zlib", &score, "deb"}, {"curl", nil, "apk"}},
		},
		"stage":     "scan",
		"predicate": map[string]any{"builder": map[string]any{"id": "https://ci.example.com"}, "steps": []any{1.0, "x"}},
		"now":       created.Add(48 * time.Hour),
	}
}

func TestEval(t *testing.T) {
	t.Parallel()
	l := language(t)
	for source, want := range map[string]bool{
		"image.labels['team'] == 'a'":                               true,
		"'owner' in image.labels":                                   false,
		"image.labels[?'owner'].orValue('nobody') == 'nobody'":      true,
		"image.labels['base'].startsWith('debian:')":                true,
		"image.items.exists(i, i.name == 'zlib' && i.score > 7)":    true,
		"image.items.filter(i, has(i.score)).all(i, i.score < 7.0)": false,
		"has(image.uid)": false,
		"image.items.map(i, i.kind) == ['deb', 'apk']":                                     true,
		"image.files > 2 && image.fits && stage in ['scan', 'build']":                      true,
		"now - image.created > duration('47h')":                                            true,
		"predicate.builder.id == 'https://ci.example.com'":                                 true,
		"predicate.?builder.?missing.hasValue()":                                           false,
		"predicate.steps[0] == 1":                                                          true,
		"'v1.2.3'.find('[0-9]+') == '1'":                                                   true,
		"'v1.2.3'.findAll('[0-9]+', 2) == ['1', '2']":                                      true,
		"'v1.2.3'.findAll('[0-9]+').size() == 3":                                           true,
		"[3, 1, 2].max() == 3 && [3, 1, 2].min() == 1":                                     true,
		"[1, 2].sum() == 3 && [1.5].sum() == 1.5":                                          true,
		"['a', 'b', 'a'].indexOf('a') == 0":                                                true,
		"['a', 'b', 'a'].lastIndexOf('a') == 2":                                            true,
		"['b', 'a'].isSorted()":                                                            false,
		"'a,b'.split(',').size() == 2 && 'X'.lowerAscii() == 'x'":                          true,
		"sets.contains(['a', 'b'], ['b'])":                                                 true,
		"regex.extract('app:12', ':([0-9]+)').orValue('') == '12'":                         true,
		"math.greatest(1, 2) == 2 && [1, 1].distinct().size() == 1":                        true,
		"image.labels.exists(k, v, k == 'team' && v == 'a')":                               true,
		"url('https://git.example.com:8443/a%20b?x=1').getHostname() == 'git.example.com'": true,
		"url('https://git.example.com:8443/a b?x=1&x=2').getQuery() == {'x': ['1', '2']}":  true,
		"url('https://git.example.com:8443/a b').getPort() == '8443' && isURL('/a')":       true,
		"url('https://git.example.com/a b').getEscapedPath() == '/a%20b'":                  true,
		"isURL('../a')": false,
		"cidr('10.0.0.0/8').containsIP('10.1.2.3') && ip('10.1.2.3').family() == 4":                                                             true,
		"cidr('10.0.0.0/8').containsIP(ip('11.1.2.3'))":                                                                                         false,
		"cidr('10.0.0.0/8').containsCIDR(cidr('10.1.0.0/16')) && isCIDR('10.0.0.1/8')":                                                          true,
		"cidr('10.0.0.1/8').masked() == cidr('10.0.0.0/8') && cidr('10.0.0.1/8') != cidr('10.0.0.0/8')":                                         true,
		"cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !isCIDR('10.0.0.1/33')":                                                              true,
		"ip.isCanonical('2001:db8::abcd') && ip.isCanonical('127.0.0.1')":                                                                       true,
		"ip.isCanonical('2001:DB8::ABCD') || ip.isCanonical('2001:db8::0:0:0:abcd')":                                                            false,
		"semver('v1.0', true) == semver('1.0.0') && semver('01.01.01', true) == semver('1.1.1')":                                                true,
		"isSemver('v1', true) && isSemver('1.2.3-rc.1', true) && isSemver('1.0.00-x', true)":                                                    true,
		"isSemver('1.2-rc1', true) || isSemver('v1.0', false) || isSemver('', true)":                                                            false,
		"[1, 2].includes(2) && ![1].includes(2) && 'a'.includes('a')":                                                                           true,
		"format.dns1123Label().validate('my-name').hasValue()":                                                                                  false,
		"format.dns1123Label().validate('My Name').value()[0].contains('RFC 1123 label')":                                                       true,
		"format.dns1035Label().validate('1a').hasValue() && format.dns1123Label().validate('1a') == optional.none()":                            true,
		"format.dns1123LabelPrefix().validate('a-').hasValue() || format.dns1035LabelPrefix().validate('a-').hasValue()":                        false,
		"format.named('qualifiedName').value().validate('example.com/a').hasValue() || format.named('none').hasValue()":                         false,
		"format.labelValue().validate('a b').hasValue() && format.dns1123Subdomain().validate('a..b').hasValue()":                               true,
		"format.uri().validate('https://example.com').hasValue() || format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue()":  false,
		"format.byte().validate('aGVsbG8=').hasValue() || format.date().validate('2021-01-01').hasValue()":                                      false,
		"format.datetime().validate('2021-01-01t00:00:00.5z').hasValue() || format.datetime().validate('2021-01-01T00:00:00+01:00').hasValue()": false,
		"format.byte().validate('a').hasValue() && format.date().validate('2021-02-30').hasValue() && format.uri().validate('x y').hasValue()":  true,
		"isIP('::ffff:1.2.3.4') || isIP('fe80::1%eth0') || isIP('1.2.3')":                                                                       false,
		"ip('::1').isLoopback() && ip('::1') == ip('0:0:0:0:0:0:0:1') && string(ip('::1')) == '::1'":                                            true,
		"quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('1.5k').asInteger() == 1500":                                                 true,
		"quantity('50k').add(20) == quantity('50020') && quantity('1').sub(quantity('2')).sign() == -1":                                         true,
		"quantity('100m').isInteger() || isQuantity('200K') || isQuantity('Mi')":                                                                false,
		"quantity('2e3').compareTo(quantity('2k')) == 0 && quantity('500m').asApproximateFloat() == 0.5":                                        true,
		"semver('1.2.3').isLessThan(semver('1.10.0')) && semver('2.3.4').minor() == 3":                                                          true,
		"isSemver('v1.2.3') || isSemver('1.2')":                                                                                                 false,
		"image.items.all(i, isURL(i.name))":                                                                                                     false,
		"[duration('1h'), duration('2h')].sum() == duration('3h')":                                                                              true,
	} {
		e, err := l.Compile(source)
		require.NoError(t, err, source)
		answer, err := e.Eval(facts())
		require.NoError(t, err, source)
		require.Equal(t, want, answer.True, source)
	}
}

// What is not known is an error, never zero and never false.
func TestMissingFactsAreErrors(t *testing.T) {
	t.Parallel()
	l := language(t)
	for source, says := range map[string]string{
		"image.uid != 0":                     "uid is not known",
		"image.items.all(i, i.score < 9.0)":  "score is not known",
		"image.labels['owner'] != ''":        "owner",
		"image{} == image":                   "cannot be made",
		"predicate.other == 1":               "other",
		"image.items[7].name == ''":          "index out of bounds",
		"image.fits ? image.uid > 1 : true":  "uid is not known",
		"predicate.builder":                  "neither true nor false",
		"url('../a').getHost() == ''":        "url:",
		"quantity('0.5').asInteger() == 0":   "not a whole number",
		"semver('x') == semver('x')":         "semver:",
		"cidr('10.0.0.0/8').containsIP('x')": "ip:",
		"dyn([]).min() == 1":                 "empty list",
	} {
		e, err := l.Compile(source)
		require.NoError(t, err, source)
		_, err = e.Eval(facts())
		require.ErrorContains(t, err, says, source)
	}
}

func TestCompileComplaints(t *testing.T) {
	t.Parallel()
	l := language(t)
	for source, want := range map[string]string{
		"image.label['x'] == ''":         "1:6: undefined field 'label'",
		"imag.labels == {}":              "1:1: undeclared reference to 'imag'",
		"true &&\n image.files == 'a'":   "2:14: found no matching overload",
		"image.hidden == ''":             "1:6: undefined field 'hidden'",
		"image.files":                    "1:1: must be true or false, but is of type int",
		"image.labels['a'":               "1:17: Syntax error",
		"'a'.matches('(')":               "1:13: invalid matches argument",
		strings.Repeat("(", 500) + "1":   "recursion limit",
		strings.Repeat("true && ", 9000): "size exceeds limit",
	} {
		_, err := l.Compile(source)
		require.ErrorContains(t, err, want, source)
	}
}

// An expression names what it looks at, so that it is known what to collect.
func TestPaths(t *testing.T) {
	t.Parallel()
	l := language(t)
	for source, want := range map[string][]string{
		"image.labels['x'] == stage":                                {"image.labels", "stage"},
		"image.items.exists(i, i.name == stage && image.files > 1)": {"image.items", "stage", "image.files"},
		"[image].exists(i, i.files > 1)":                            {"image"},
		"has(image.uid) && {'a': image.created}.size() == 1":        {"image.uid", "image.created"},
		"image.items.map(image, image.name) == []":                  {"image.items"},
	} {
		e, err := l.Compile(source)
		require.NoError(t, err, source)
		require.ElementsMatch(t, want, e.Paths(), source)
	}
}

func TestAnswerShowsWhatItSaw(t *testing.T) {
	t.Parallel()
	e, err := language(t).Compile("image.labels['base'].startsWith('alpine') || image.files > 9 || image.items.exists(i, i.name == 'x') || now < image.created")
	require.NoError(t, err)
	answer, err := e.Eval(facts())
	require.NoError(t, err)
	require.False(t, answer.True)
	saw := map[string]string{}
	for _, f := range answer.Saw {
		saw[f.Expression] = f.Value
	}
	require.Equal(t, `"debian:12"`, saw[`image.labels["base"]`], "%v", saw)
	require.Equal(t, "3", saw["image.files"])
	require.Equal(t, "2026-01-03T00:00:00Z", saw["now"])
	require.Equal(t, `[{name: "zlib", score: 7.5, kind: "deb"}, {name: "curl", kind: "apk"}]`, saw["image.items"])
}

// Of a loop that stopped, the element that it stopped at is shown; of one that saw
// all elements, none of them decided.
func TestAnswerShowsWhichElementDecided(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"image.items.all(i, i.kind == 'apk')":                             `"deb"`,
		"image.items.all(i, i.name != 'curl')":                            `"curl"`,
		"!image.items.exists(i, i.name.startsWith('c'))":                  `"curl"`,
		"image.items.exists(i, i.name == 'x')":                            "",
		"image.items.all(i, image.items.exists(k, k.name == i.name+'x'))": "",
	} {
		e, err := language(t).Compile(source)
		require.NoError(t, err, source)
		answer, err := e.Eval(facts())
		require.NoError(t, err, source)
		require.False(t, answer.True, source)
		got := ""
		for _, f := range answer.Saw {
			if strings.HasPrefix(f.Expression, "i.") || strings.HasPrefix(f.Expression, "k.") {
				got = f.Value
			}
		}
		require.Equal(t, want, got, source)
	}
}

func TestCostIsLimited(t *testing.T) {
	t.Parallel()
	l := language(t)
	many := facts()
	im := many["image"].(image)
	long := strings.Repeat("a", 10_000)
	for range 1000 {
		im.Items = append(im.Items, item{Name: long})
	}
	many["image"] = im
	for _, source := range []string{
		"image.items.all(a, image.items.all(b, a.name != b.name + 'x'))",
		"image.items.all(a, image.items.all(b, a.name.findAll('a*b*c*').size() < 999))",
		"image.items.all(a, format.uri().validate(a.name).hasValue())",
		"image.items.all(a, image.items.map(b, b.name).isSorted())",
	} {
		e, err := l.Compile(source)
		require.NoError(t, err)
		_, err = e.Eval(many)
		require.ErrorContains(t, err, "costs too much", source)
	}
}

// What a question costs is told, so that many can share a budget.
func TestCost(t *testing.T) {
	t.Parallel()
	l := language(t)
	cost := func(source string) uint64 {
		e, err := l.Compile(source)
		require.NoError(t, err)
		answer, err := e.Eval(facts())
		require.NoError(t, err)
		return answer.Cost
	}
	require.Greater(t, cost("image.items.all(i, i.name != '')"), cost("image.fits"))
	require.Greater(t, cost("'"+strings.Repeat("a", 1000)+"'.find('a+') != ''"), uint64(100))
	e, err := l.Compile("image.uid == 0")
	require.NoError(t, err)
	answer, err := e.Eval(facts())
	require.Error(t, err)
	require.NotZero(t, answer.Cost, "what failed is not free")
}

func TestText(t *testing.T) {
	t.Parallel()
	l := language(t)
	e, err := l.CompileText("'team ' + image.labels['team'] + ' has ' + string(image.files) + ' files'")
	require.NoError(t, err)
	text, cost, err := e.EvalText(facts())
	require.NoError(t, err)
	require.Equal(t, "team a has 3 files", text)
	require.NotZero(t, cost)
	require.Contains(t, e.Paths(), "image.labels")

	_, err = l.CompileText("image.files > 2")
	require.ErrorContains(t, err, "must be text, but is of type bool")
	e, err = l.CompileText("predicate.builder")
	require.NoError(t, err)
	_, _, err = e.EvalText(facts())
	require.ErrorContains(t, err, "not text")
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{"image.labels['a'] == 'b'", "[1].map(x, x)", "has(image.uid)", "predicate.a.b[0]", "'%s'.format([image])", "{}", "a.b.c", "image.items.exists(i, true)"} {
		f.Add(seed)
	}
	l := language(f)
	f.Fuzz(func(_ *testing.T, source string) {
		e, err := l.Compile(source)
		if err != nil {
			return
		}
		_, _ = e.Eval(facts()) // any answer or error will do, as long as there is one
	})
}
