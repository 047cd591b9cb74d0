package event

import (
	"net/http"
	"strings"
	"testing"
)

func TestASecretIsCheckedInTheHeaderThenInTheQuery(t *testing.T) {
	for _, c := range []struct {
		secret string
		header []string // nil: no such header
		query  string
		want   Verdict
	}{
		{"s3cret", []string{"s3cret"}, "", VerdictOK},
		{"s3cret", []string{"S3cret"}, "", VerdictWrong},
		{"s3cret", []string{"s3cret2"}, "", VerdictWrong},
		{"s3cret", []string{""}, "", VerdictWrong},
		{"s3cret", []string{"s3cret", "s3cret"}, "", VerdictWrong},
		{"s3cret", nil, "", VerdictMissing},
		{"s3cret", nil, "secret=s3cret", VerdictOK},
		{"s3cret", nil, "a=%zz&secret=s3cret", VerdictOK},
		{"s3cret", nil, "secret=", VerdictWrong},
		{"s3cret", nil, "secret=s3cret&secret=s3cret", VerdictWrong},
		{"s3cret", nil, "Secret=s3cret", VerdictMissing},
		{"s3cret", []string{"wrong"}, "secret=s3cret", VerdictWrong},
		{" a b ", []string{"a b"}, "", VerdictOK},
		{" a b ", nil, "secret=+a+b+", VerdictOK},
		{" a b ", nil, "secret=a+b", VerdictWrong},
		{"", []string{"anything"}, "secret=x", VerdictUnchecked},
		{"", nil, "", VerdictUnchecked},
	} {
		s, err := ParseSecret(c.secret)
		if err != nil {
			t.Fatal(err)
		}
		header := http.Header{}
		if c.header != nil {
			header[SecretHeader] = c.header
		}
		if got := s.Check(header, c.query); got != c.want {
			t.Errorf("secret %q, header %q, query %q: %s, want %s", c.secret, c.header, c.query, got, c.want)
		}
		if s.IsSet() != (c.secret != "") {
			t.Errorf("secret %q: IsSet is %v", c.secret, s.IsSet())
		}
	}
}

func TestASecretThatNoWebhookCanHaveIsAnError(t *testing.T) {
	for _, secret := range []string{" ", "   ", "s3cret\n", "\ts3cret", "sécret", "s\x7f", "s\xff", "s\x00"} {
		_, err := ParseSecret(secret)
		if err == nil {
			t.Errorf("%q was accepted", secret)
			continue
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
}
