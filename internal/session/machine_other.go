//go:build !linux && !darwin && !windows

package session

func machineName() string { return "" }
