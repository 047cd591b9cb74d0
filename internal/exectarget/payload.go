package exectarget

import (
	"os"
	"runtime"
)

// payload is a file with an event's body, which a command reads as its standard
// input. A pipe would have to be written to for as long as somebody holds it.
type payload struct {
	file *os.File
	path string // of the file, until it is removed
	name string // the path, if the command is told
	body []byte
}

func newPayload(body []byte) (*payload, error) {
	p := &payload{body: body}
	if err := p.make(); err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" { // where a file that is open cannot be removed
		p.unlink() // so that nothing is left behind, however hf-tap ends
	}
	return p, nil
}

// make writes a file that only the user can read, and opens it for reading.
func (p *payload) make() error {
	f, err := os.CreateTemp("", "hf-tap-payload-*.json")
	if err != nil {
		return err
	}
	p.path = f.Name()
	if _, err = f.Write(p.body); err == nil {
		err = f.Close()
	} else {
		f.Close()
	}
	if err == nil {
		p.file, err = os.Open(p.path)
	}
	if err != nil {
		p.unlink()
	}
	return err
}

// nameFile gives the file a name that lasts until remove.
func (p *payload) nameFile() error {
	if p.path == "" {
		p.file.Close()
		if err := p.make(); err != nil {
			return err
		}
	}
	p.name = p.path
	return nil
}

func (p *payload) unlink() {
	if p.path != "" {
		_ = os.Remove(p.path)
		p.path = ""
	}
}

func (p *payload) remove() {
	p.file.Close()
	p.unlink()
}
