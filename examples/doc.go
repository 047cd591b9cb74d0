// Package examples is nothing but the tests of the programs in its folders,
// which run them against a stand-in for the Hub.
package examples
