package inspect

import (
	"regexp"
	"strings"
)

// token is a credential whose issuer marked it by a prefix, so that it can be
// told from any other text (the issuers document these for secret scanning).
type token struct {
	name   string
	prefix string
	rest   func() *regexp.Regexp // what must follow the prefix, anchored
}

var tokens = []token{
	{"GitHub token", "ghp_", rest(`[0-9A-Za-z]{36}`)},
	{"GitHub token", "gho_", rest(`[0-9A-Za-z]{36}`)},
	{"GitHub token", "ghu_", rest(`[0-9A-Za-z]{36}`)},
	{"GitHub token", "ghs_", rest(`[0-9A-Za-z]{36}`)},
	{"GitHub token", "ghr_", rest(`[0-9A-Za-z]{36}`)},
	{"GitHub token", "github_pat_", rest(`[0-9A-Za-z]{22}_[0-9A-Za-z]{59}`)},
	{"GitLab token", "glpat-", rest(`[0-9A-Za-z_-]{20}`)},
	{"GitLab token", "glrt-", rest(`[0-9A-Za-z_-]{20}`)},
	{"GitLab token", "gldt-", rest(`[0-9A-Za-z_-]{20}`)},
	{"AWS access key", "AKIA", rest(`[2-7A-Z]{16}`)},
	{"AWS access key", "ASIA", rest(`[2-7A-Z]{16}`)},
	{"Slack token", "xoxb-", rest(`[0-9]{8,}-[0-9A-Za-z-]{16,}`)},
	{"Slack token", "xoxp-", rest(`[0-9]{8,}-[0-9A-Za-z-]{16,}`)},
	{"Slack token", "xoxa-", rest(`[0-9]{1,}-[0-9A-Za-z-]{16,}`)},
	{"Slack token", "xapp-", rest(`[0-9]-[0-9A-Z]{8,}-[0-9]{8,}-[0-9a-f]{32,}`)},
	{"Slack webhook", "https://hooks.slack.com/services/T", rest(`[0-9A-Z]{6,}/B[0-9A-Z]{6,}/[0-9A-Za-z]{20,}`)},
	{"Google API key", "AIza", rest(`[0-9A-Za-z_-]{35}`)},
	{"Stripe key", "sk_live_", rest(`[0-9A-Za-z]{20}`)},
	{"Stripe key", "rk_live_", rest(`[0-9A-Za-z]{20}`)},
	{"npm token", "npm_", rest(`[0-9A-Za-z]{36}`)},
	{"PyPI token", "pypi-AgEIcHlwaS5vcmc", rest(`[0-9A-Za-z_-]{50}`)},
	{"SendGrid key", "SG.", rest(`[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}`)},
	{"Hugging Face token", "hf_", rest(`[A-Za-z]{34}`)},
	{"OpenAI key", "sk-proj-", rest(`[0-9A-Za-z_-]{40}`)},
	{"Anthropic key", "sk-ant-", rest(`[0-9A-Za-z]+-[0-9A-Za-z_-]{40}`)},
	{"DigitalOcean token", "dop_v1_", rest(`[0-9a-f]{64}`)},
	{"Vault token", "hvs.", rest(`[0-9A-Za-z_-]{24}`)},
	{"Docker Hub token", "dckr_pat_", rest(`[0-9A-Za-z_-]{27}`)},
	{"age secret key", "AGE-SECRET-KEY-1", rest(`[02-9AC-HJ-NP-Z]{58}`)},
}

func rest(text string) func() *regexp.Regexp { return pattern("^" + text) }

// tokensIn names the kinds of tokens in a text, each once. A token begins where a
// word does, and is not the issuer's documented example or a row of one letter.
func tokensIn(text string) []string {
	var kinds []string
	for _, t := range tokens {
		if (len(kinds) == 0 || kinds[len(kinds)-1] != t.name) && t.in(text) {
			kinds = append(kinds, t.name)
		}
	}
	return kinds
}

func (t token) in(text string) bool {
	for before := byte(0); ; {
		i := strings.Index(text, t.prefix)
		if i < 0 {
			return false
		}
		if i > 0 {
			before = text[i-1]
		}
		text = text[i+len(t.prefix):]
		if value := t.rest().FindString(text); value != "" && !wordByte(before) && !isExample(value) {
			return true
		}
		before = t.prefix[len(t.prefix)-1]
	}
}

func wordByte(b byte) bool {
	return b == '_' || '0' <= b && b <= '9' || 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z'
}

func isExample(value string) bool {
	upper := strings.ToUpper(value)
	if strings.Contains(upper, "EXAMPLE") {
		return true
	}
	distinct := map[rune]bool{}
	for _, c := range upper {
		distinct[c] = true
	}
	return len(distinct) < 5
}
