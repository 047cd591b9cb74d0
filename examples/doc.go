// Package examples has the tests of the programs in its folders. They run the
// programs against a stand-in for the Hub.
package examples
