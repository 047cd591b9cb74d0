package jobspec_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hf-tap/hf-tap/internal/jobspec"
)

const whole = `# a Job with all that there is
dockerImage: python:3.12
flavor: t4-small
command: [python, train.py]
arguments: ["--epochs", "3"]
environment: {EPOCHS: "3"}
secrets:
  HF_TOKEN: hf_of-the-job
arch: amd64
timeoutSeconds: 3600
attempts: 2
labels: {run: nightly}
volumes:
  - {type: dataset, source: me/d, mountPath: /data, readOnly: true, revision: main, path: sub}
expose: {ports: [8000], portsPublic: [8000]}
ssh: {enabled: false}
resourceGroupId: 65a14fd933eca76f4639fc84
`

func TestYAMLAndJSONAreReadAlike(t *testing.T) {
	fromYAML, err := jobspec.Parse([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	fromJSON, err := jobspec.Parse(append([]byte("\ufeff"), fromYAML...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(fromYAML), string(fromJSON)); diff != "" {
		t.Error(diff)
	}
	var spec struct {
		Command        []string
		TimeoutSeconds int
		Secrets        map[string]string
	}
	if err := json.Unmarshal(fromJSON, &spec); err != nil || spec.TimeoutSeconds != 3600 || spec.Secrets["HF_TOKEN"] != "hf_of-the-job" || len(spec.Command) != 2 {
		t.Errorf("got %+v %v", spec, err)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	const fine = "flavor: cpu-basic\ndockerImage: a\n"
	for spec, want := range map[string]struct{ problem, instead string }{
		"":                                 {"it is empty", "flavor: cpu-basic"},
		"[]":                               {"not an object", ""},
		"just words":                       {"not an object", ""},
		"{\n\"flavor\": x}":                {"line 2: invalid JSON", ""},
		`{"flavor": "cpu-basic"} {}`:       {"something follows", ""},
		"a: b: c":                          {"yaml: ", ""},
		fine + "---\na: 1\n":               {"more than one document", ""},
		fine + "1: 2\n":                    {"a key is not a text", ""},
		fine + "flavor: cpu-basic\n":       {"already defined", ""},
		"dockerImage: a":                   {`"flavor" is missing`, ""},
		"flavor: cpu-basic":                {"no dockerImage and no spaceId", "dockerImage: python:3.12"},
		fine + "spaceId: me/s":             {"both", ""},
		"dockerImage: a\nflavor: cpu-bsic": {`"flavor" must be one of`, "cpu-basic"},
		"dockerImage: a\nflavor: 3":        {`"flavor" must be one of`, ""},
		fine + "enviroment: {}":            {`"enviroment" is not a key`, "environment"},
		fine + "timeout: 3":                {`"timeout" is not a key`, "timeoutSeconds"},
		"image: a":                         {`"image" is not a key`, "dockerImage"},
		fine + "environment: {N: '1'}":     {`the name "N" in "environment"`, ""},
		fine + "environment: {NN: 1}":      {`"environment.NN" must be a string: put it in quotes`, ""},
		fine + "environment: {NN: true}":   {`put it in quotes`, ""},
		fine + "environment: {NN: [a]}":    {`must be a string`, ""},
		fine + "environment: [a]":          {`"environment" must be an object`, ""},
		fine + "secrets: {MY-TOKEN: x}":    {`the name "MY-TOKEN" in "secrets"`, ""},
		fine + "secrets: {TOKEN: 12345}":   {`"secrets.TOKEN" must be a string`, ""},
		fine + "command: []":               {`"command" must be a list of at least 1`, ""},
		fine + "command: ['']":             {`"command.0" must be a string that is not empty`, ""},
		fine + "command: python x.py":      {`"command" must be a list`, ""},
		fine + "timeoutSeconds: 0":         {`"timeoutSeconds" must be a whole number`, ""},
		fine + "timeoutSeconds: 1.5":       {`"timeoutSeconds" must be a whole number`, ""},
		fine + "attempts: -1":              {`"attempts" must be`, ""},
		fine + "attempts: .inf":            {`not finite`, ""},
		fine + "labels: {a b: c}":          {`the name "a b" in "labels"`, ""},
		fine + "labels: {a: b c}":          {`"labels.a" must be a string that matches`, ""},
		fine + "volumes: [{type: model, source: a, mountPath: data}]": {`"volumes.0.mountPath"`, ""},
		fine + "volumes: [{type: model, source: a}]":                  {`"volumes.0.mountPath" is missing`, ""},
		fine + "volumes: [{type: model, source: a, mount_path: /a}]":  {`"volumes.0.mount_path" is not a key`, "mountPath"},
		fine + "expose: {ports: [0]}":                                 {`"expose.ports.0" must be`, ""},
		fine + "ssh: {enabled: yep}":                                  {`"ssh.enabled" must be true or false`, ""},
		fine + "resourceGroupId: abc":                                 {`"resourceGroupId" must be`, ""},
		fine + "arch: arm":                                            {`"arch" must be one of`, "arm64"},
	} {
		_, err := jobspec.Parse([]byte(spec))
		wrong := new(jobspec.Error)
		if !errors.As(err, &wrong) || !strings.Contains(wrong.Problem, want.problem) || wrong.Instead != want.instead {
			t.Errorf("%s: got %v, instead %q", spec, err, wrong.Instead)
		}
		if err != nil && strings.Contains(err.Error(), "12345") {
			t.Errorf("%s: a secret is in the error: %v", spec, err)
		}
	}
}

func TestAliasesToTheMoonAreRefused(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 30; i++ {
		n := string(rune('0'+i/10)) + string(rune('0'+i%10))
		before := string(rune('0'+(i-1)/10)) + string(rune('0'+(i-1)%10))
		if i == 1 {
			before = "0"
		}
		b.WriteString("a" + n + ": &a" + n + " [" + strings.Repeat("*a"+before+",", 9) + "*a" + before + "]\n")
	}
	for _, spec := range []string{b.String(), "a: &a [*a]", "a: &a {b: *a}"} {
		if _, err := jobspec.Parse([]byte(spec)); err == nil || !strings.Contains(err.Error(), "yaml: ") {
			t.Errorf("got %v", err)
		}
	}
	if _, err := jobspec.Parse([]byte("flavor: cpu-basic\ndockerImage: a\nenvironment: &e {AA: b}\nsecrets: *e\n")); err != nil {
		t.Errorf("an alias that is small: %v", err)
	}
}

func TestOnlySmallRegularFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	if _, err := jobspec.ReadFile(file("job.yaml", whole)); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{
		filepath.Join(dir, "missing"): "no such file",
		dir:                           "not a regular file",
		os.DevNull:                    "not a regular file",
		file("large.json", strings.Repeat(" ", 10<<20)): "more than 256 KiB",
	} {
		if _, err := jobspec.ReadFile(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(`{"flavor":"cpu-basic","spaceId":"me/s"}`))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if spec, err := jobspec.Parse(b); err == nil && !json.Valid(spec) {
			t.Errorf("%q became %q", b, spec)
		}
	})
}
