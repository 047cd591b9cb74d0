package webhooks_test

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hf-tap/hf-tap/webhooks"
)

// findChromium returns the command of a Chromium. Without one, the test is
// skipped, except in CI, which has to install it.
func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("CI lacks chromium")
	}
	t.Skip("no Chromium is installed")
	return ""
}

// screenshot is a URL as Chromium shows it in a window of a size.
func screenshot(t *testing.T, chromium, url string, width, height int, dark bool) image.Image {
	t.Helper()
	scheme := "1" // Blink's numbers: 0 is dark
	if dark {
		scheme = "0"
	}
	file := filepath.Join(t.TempDir(), "page.png")
	out, err := exec.Command(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--hide-scrollbars", "--user-data-dir="+t.TempDir(), "--blink-settings=preferredColorScheme="+scheme,
		fmt.Sprintf("--window-size=%d,%d", width, height), "--screenshot="+file, url).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", chromium, err, out)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// TestThePageIsGoodOnAPhoneAndInTheDark looks at what only a browser can show:
// the policy lets the style sheet through, the colours follow the user's choice,
// and the longest address does not make the page wider than a phone. With
// HF_TAP_SCREENSHOTS, the pictures are kept in that folder.
func TestThePageIsGoodOnAPhoneAndInTheDark(t *testing.T) {
	chromium := findChromium(t)
	s := newServer(t, webhooks.Config{}).handle("trigger_training", echo, webhooks.Match("repo.content.update,dataset:me/*")).
		handle("an/endpoint_with_a_name_that_is_longer_than_the_screen_of_any_phone_is_wide", echo).serve()
	for _, size := range []struct {
		name          string
		width, height int
	}{{"phone", 390, 1200}, {"desktop", 1280, 900}} {
		for _, scheme := range []struct {
			name string
			dark bool
			back color.RGBA
		}{{"light", false, color.RGBA{0xff, 0xff, 0xff, 0xff}}, {"dark", true, color.RGBA{0x0d, 0x11, 0x17, 0xff}}} {
			name := size.name + "-" + scheme.name
			img := screenshot(t, chromium, s.url+"/", size.width, size.height, scheme.dark)
			keepScreenshot(t, name, img)
			want(t, name+": width", img.Bounds().Dx(), size.width)
			drawn := 0
			for y := range img.Bounds().Dy() {
				for x := range img.Bounds().Dx() {
					if color.RGBAModel.Convert(img.At(x, y)) == scheme.back {
						continue
					}
					drawn++
					if x < 8 || x >= size.width-8 {
						t.Fatalf("%s: something is drawn at the edge, at %d,%d", name, x, y)
					}
				}
			}
			if all := img.Bounds().Dx() * img.Bounds().Dy(); drawn < all/50 || drawn > all*9/10 {
				t.Errorf("%s: %d of %d pixels are not background", name, drawn, all)
			}
		}
	}
}

func keepScreenshot(t *testing.T, name string, img image.Image) {
	t.Helper()
	folder := os.Getenv("HF_TAP_SCREENSHOTS")
	if folder == "" {
		return
	}
	f, err := os.Create(filepath.Join(folder, name+".png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
}
