//go:build !linux

package main

// badMounts are of Linux.
func badMounts() []badInput { return nil }
