package nearest

import "testing"

func TestTheNearestWordIsTheOneThatWasMeant(t *testing.T) {
	words := []string{"listen", "events", "webhooks", "discussion.*", "repo"}
	for typed, want := range map[string]string{
		"lisen": "listen", "lissten": "listen", "eventss": "events", "evetns": "events", "discusion.*": "discussion.*", "web": "webhooks",
		"repo": "repo", "rpeo": "repo", "frobnicate": "", "x": "", "": "",
	} {
		if got := Word(typed, words); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}

func TestATypoIsASingleLetter(t *testing.T) {
	words := []string{"repo.content.update", "repo.config.update"}
	for typed, want := range map[string]string{
		"repo.contnet.update": words[0], "repo.confg.update": words[1], "repo.config.update": "", "repo.config.dois.update": "", "repo": "",
	} {
		if got := Typo(typed, words); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}
