// Package house holds the rules of the repository, as tests: who imports whom,
// what has to be documented, and that all examples run. CONTRIBUTING.md states
// them. What the program promises is tested in the package promises.
package house
