package cli

import "testing"

func TestTheHubRepoOfARemote(t *testing.T) {
	hosts := []string{"huggingface.co", "hf.co", "127.0.0.1:4000"}
	for remote, want := range map[string]string{
		"https://huggingface.co/me/m":                       "model:me/m",
		"https://huggingface.co/me/m.git":                   "model:me/m",
		"https://huggingface.co/gpt2":                       "model:gpt2",
		"https://me:hf_secret@huggingface.co/datasets/me/d": "dataset:me/d",
		"https://huggingface.co/spaces/me/s/":               "space:me/s",
		"git@hf.co:me/m":                                    "model:me/m",
		"git@hf.co:datasets/me/d":                           "dataset:me/d",
		"ssh://git@hf.co:22/spaces/me/s":                    "space:me/s",
		"http://127.0.0.1:4000/me/m":                        "model:me/m",
		"https://github.com/me/m":                           "",
		"https://huggingface.co.evil.example/me/m":          "",
		"https://huggingface.co/me/m/tree/main":             "",
		"/srv/git/m":                                        "",
		"":                                                  "",
	} {
		got, ok := remoteRepo(remote, hosts)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("remoteRepo(%q) = %v, %v", remote, got, ok)
		}
	}
}
