// Package house has the rules of the repository, as tests: which package may import
// which, what must be documented, and that all examples run. CONTRIBUTING.md states
// them. What the program promises is tested in the package promises.
package house
