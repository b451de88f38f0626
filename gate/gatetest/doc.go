// Package gatetest is the world of an image gate, in memory: a registry that can
// be told to fail, and small images with exactly the files, config and lies that
// a test is about.
//
// The registry speaks the real protocol on a loopback socket and the images are
// real manifests, configs and compressed layers, so that tests meet the code
// they are about instead of a mock of it. It knows neither the gate nor any
// engine, and nothing of it belongs into a program that judges images.
package gatetest
