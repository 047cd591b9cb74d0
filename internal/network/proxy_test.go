package network_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/hf-tap/hf-tap/internal/network"
)

func TestTheEnvironmentSaysWhichProxyAnAddressIsReachedThrough(t *testing.T) {
	for _, c := range []struct {
		env     string
		address string
		want    string
	}{
		{"", "huggingface.co:443", "directly"},
		{"HTTPS_PROXY=http://proxy:3128", "huggingface.co:443", "http://proxy:3128, from HTTPS_PROXY"},
		{"HTTPS_PROXY=http://proxy:3128", "huggingface.co", "http://proxy:3128, from HTTPS_PROXY"},
		{"HTTPS_PROXY=http://proxy:3128", "[2001:db8::1]", "http://proxy:3128, from HTTPS_PROXY"},
		{"HTTPS_PROXY=upper:1 https_proxy=lower:2", "huggingface.co:443", "http://lower:2, from https_proxy"},
		{"HTTP_PROXY=http://proxy:3128", "huggingface.co:443", "directly"},
		{"ALL_PROXY=socks5h://proxy", "huggingface.co:443", "socks5://proxy, from ALL_PROXY"},
		{"all_proxy=socks://127.0.0.1:1080/", "huggingface.co:443", "socks5://127.0.0.1:1080, from all_proxy"},
		{"ALL_PROXY=socks5://other HTTPS_PROXY=https://proxy", "huggingface.co:443", "https://proxy, from HTTPS_PROXY"},
		{"ALL_PROXY=ftp://unused HTTPS_PROXY=a:1 HTTP_PROXY=b:1", "huggingface.co:443", "http://a:1, from HTTPS_PROXY"},
		{"HTTPS_PROXY=http://me:pa%20ss%40@proxy:3128", "huggingface.co:443", "http://me:xxxxx@proxy:3128, from HTTPS_PROXY"},
		{"HTTPS_PROXY=http://key@proxy:3128", "huggingface.co:443", "http://xxxxx@proxy:3128, from HTTPS_PROXY"},
		{"HTTPS_PROXY=http://key:@proxy:3128", "huggingface.co:443", "http://xxxxx@proxy:3128, from HTTPS_PROXY"},
		{"HTTPS_PROXY=[2001:db8::9]:3128", "huggingface.co:443", "http://[2001:db8::9]:3128, from HTTPS_PROXY"},
	} {
		if got := open(t, strings.Fields(c.env)...).Via(c.address); got != c.want {
			t.Errorf("%s: %s is reached through %q, want %q", c.env, c.address, got, c.want)
		}
	}
}

func TestTheProxyForAnAddressIsGivenWithItsPassword(t *testing.T) {
	n := open(t, "HTTPS_PROXY=http://me:pa%20ss%40@proxy:3128", "NO_PROXY=example.com")
	u := n.ProxyFor("huggingface.co:443")
	if password, _ := u.User.Password(); u.User.Username() != "me" || password != "pa ss@" || u.Host != "proxy:3128" {
		t.Errorf("got %v", u)
	}
	u.Host = "changed" // what the caller does to it stays there
	if again := n.ProxyFor("huggingface.co:443"); again.Host != "proxy:3128" {
		t.Errorf("the caller's change got through: %v", again)
	}
	if u := n.ProxyFor("example.com:443"); u != nil {
		t.Errorf("an exception goes through %v", u)
	}
}

func TestThisMachineIsNeverReachedThroughAProxy(t *testing.T) {
	n := open(t, "HTTPS_PROXY=http://proxy:3128", "HTTP_PROXY=http://proxy:3128", "ALL_PROXY=http://proxy:3128")
	for _, address := range []string{
		"localhost:80", "LocalHost:443", "localhost.:443", "app.localhost:443", "127.0.0.1:1", "127.9.9.9:443",
		"[::1]:443", "[::ffff:127.0.0.1]:443", "127.1:80", "0x7f.1:80", "2130706433:80", "127.0.0.1.:80", "0.0.0.0:80", "[::]:80", "localhost", "127.0.0.1", "[::1]", "::1",
	} {
		if got := n.Via(address); got != "directly" {
			t.Errorf("%s is reached through %s", address, got)
		}
	}
	for _, address := range []string{"localhost.example.com:443", "notlocalhost:443", "128.0.0.1:443"} {
		if got := n.Via(address); got == "directly" {
			t.Errorf("%s is taken for this machine", address)
		}
	}
	target := echo(t)
	if got := says(t, n, target, "here"); got != "HERE" {
		t.Errorf("got %q", got)
	}
}

func TestNoProxyNamesWhatIsReachedDirectly(t *testing.T) {
	for _, c := range []struct {
		list   string
		direct string
		not    string
	}{
		{"example.com", "example.com:443 www.example.com:1 EXAMPLE.COM:443 example.com.:443", "example.org:443 notexample.com:443"},
		{".example.com", "www.example.com:443 a.b.example.com:443", "example.com:443"},
		{"*.example.com", "www.example.com:443", "example.com:443"},
		{"example.com:8443", "example.com:8443 www.example.com:8443", "example.com:443"},
		{"198.51.100.1", "198.51.100.1:443", "198.51.100.2:443"},
		{"192.0.2.1:80", "192.0.2.1:80", "192.0.2.1:443"},
		{"192.0.2.0/24", "192.0.2.200:443", "192.0.3.1:443 www.192.0.2.0:1"},
		{"[2001:db8::1]:80, 2001:db8::2", "[2001:db8::1]:80 [2001:db8::2]:443", "[2001:db8::1]:443"},
		{"2001:db8::/32", "[2001:db8:9::1]:443", "[2001:db9::1]:443"},
		{" a.test , b.test ", "a.test:1 b.test:1", "c.test:1"},
		{"*", "example.com:443 192.0.2.1:443", ""},
		{"a.test,*", "example.com:443", ""},
		{",,:80, ., *., *b.test", "", "example.com:443 b.test:443"},
	} {
		for _, name := range []string{"NO_PROXY", "no_proxy"} {
			n := open(t, "HTTPS_PROXY=http://proxy:3128", name+"="+c.list)
			for _, address := range strings.Fields(c.direct) {
				if n.ProxyFor(address) != nil {
					t.Errorf("%s=%s: %s is not reached directly", name, c.list, address)
				}
			}
			for _, address := range strings.Fields(c.not) {
				if n.ProxyFor(address) == nil {
					t.Errorf("%s=%s: %s is reached directly", name, c.list, address)
				}
			}
		}
	}
}

func TestAProxyThatMakesNoSenseIsAnErrorWithoutItsPassword(t *testing.T) {
	for _, c := range []struct {
		value string
		want  string
	}{
		{"ftp://me:hunter2@proxy:21", `HTTPS_PROXY is "ftp://xxxxx@proxy:21": the scheme "ftp"`},
		{"http://", `HTTPS_PROXY is "http://": it names no host`},
		{"http://:3128", "it names no host"},
		{"http://proxy:99999", "its port is not a number from 1 to 65535"},
		{"http://proxy:0", "its port is not a number from 1 to 65535"},
		{"http://me:hunter2", `HTTPS_PROXY is "http://me:xxxxx": not of the form`},
		{"me:hunter2", `HTTPS_PROXY is "me:xxxxx": not of the form`},
		{"http://me:hun/ter2@proxy:3128", `HTTPS_PROXY is "http://xxxxx@proxy:3128"`},
		{"http://me:1/hunter2@proxy:3128", `HTTPS_PROXY is "http://xxxxx@proxy:3128": special characters`},
		{"http://me:1#hunter2@proxy:3128", `HTTPS_PROXY is "http://xxxxx@proxy:3128": special characters`},
		{"http://me:1?hunter2@proxy:3128", `HTTPS_PROXY is "http://xxxxx@proxy:3128": special characters`},
		{"http://me:hunter2%zz@proxy:3128", `HTTPS_PROXY is "http://xxxxx@proxy:3128": not of the form`},
		{"me:hunter2%zz@proxy:3128", `HTTPS_PROXY is "xxxxx@proxy:3128": not of the form`},
		{"http://me:hunter2@pro xy:3128", "xxxxx@pro xy"},
		{"socks5:proxy:1080", "HTTPS_PROXY is"},
		{"http://a:b:3128", "HTTPS_PROXY is"},
	} {
		_, err := network.New(network.Config{Getenv: environment("HTTPS_PROXY=" + c.value)})
		if err == nil {
			t.Errorf("%s is taken for a proxy", c.value)
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %q, want %q in it", c.value, err, c.want)
		}
		if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "ter2") {
			t.Errorf("%s: the error tells the password: %q", c.value, err)
		}
	}
	if _, err := network.New(network.Config{Getenv: environment("http_proxy=gopher://proxy")}); err == nil || !strings.Contains(err.Error(), "http_proxy") {
		t.Errorf("the variable is not named: %v", err)
	}
}

func TestAURLIsRedacted(t *testing.T) {
	if got := network.Redacted(nil); got != "" {
		t.Errorf("got %q for no URL", got)
	}
	u, err := url.Parse("socks5://me:secret@proxy:1080")
	if err != nil {
		t.Fatal(err)
	}
	if got := network.Redacted(u); got != "socks5://me:xxxxx@proxy:1080" {
		t.Errorf("got %q", got)
	}
	if u.String() != "socks5://me:secret@proxy:1080" {
		t.Errorf("the URL itself was changed to %s", u)
	}
}

func TestAProxyOfAFileCountsWhereNoVariableNamesOne(t *testing.T) {
	for _, c := range []struct{ env, address, want string }{
		{"", "hub.test:443", "socks5://me:xxxxx@file.test:1, from config.toml:3"},
		{"", "exempt.test:443", "directly"},
		{"", "127.0.0.1:443", "directly"},
		{"NO_PROXY=hub.test", "hub.test:443", "directly"},
		{"NO_PROXY=hub.test", "exempt.test:443", "socks5://me:xxxxx@file.test:1, from config.toml:3"},
		{"HTTPS_PROXY=http://env.test", "hub.test:443", "http://env.test, from HTTPS_PROXY"},
		{"http_proxy=http://env.test", "hub.test:443", "directly"},
	} {
		n, err := network.New(network.Config{Getenv: environment(c.env), Proxy: "socks5://me:secret@file.test:1", ProxyFrom: "config.toml:3", NoProxy: "exempt.test"})
		if err != nil {
			t.Fatal(err)
		}
		if got := n.Via(c.address); got != c.want {
			t.Errorf("with %q, %s is reached by %q, want %q", c.env, c.address, got, c.want)
		}
	}
	_, err := network.New(network.Config{Getenv: environment(), Proxy: "ftp://me:secret@file.test", ProxyFrom: "config.toml:3"})
	if err == nil || !strings.Contains(err.Error(), "config.toml:3") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsWrongWithAProxyIsSaidWithoutItsPassword(t *testing.T) {
	for raw, fine := range map[string]bool{"http://me:secret@proxy:1": true, "me:secret@proxy": true, "ftp://me:secret@proxy": false, "http://me:sec/secret@proxy": false, "http://me:secret@": false} {
		err := network.CheckProxy(raw)
		if (err == nil) != fine {
			t.Errorf("%q: %v", raw, err)
		}
		if shown := network.MaskProxy(raw); strings.Contains(shown, "secret") || err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q is shown as %q, %v", raw, shown, err)
		}
	}
}
