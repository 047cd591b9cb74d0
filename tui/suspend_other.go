//go:build !unix

package tui

import "os"

const canStop = false

func stopProcess() error { return nil }

func notifyContinued(chan<- os.Signal) {}
