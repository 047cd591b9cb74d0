package sqlitepages

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// make runs statements on a new file, and returns its path. The connection stays
// open with open, so that the log stays there.
func makeFile(t testing.TB, open bool, statements ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if !open {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	} else {
		t.Cleanup(func() { db.Close() })
	}
	return path
}

// rows returns the rows of tables that have so many values.
func rows(t testing.TB, path string, index bool, values int) (all []Row, report Report) {
	t.Helper()
	report, err := Read(path, func(r Row) error {
		if r.Index == index && len(r.Values) == values {
			all = append(all, r)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b Row) int { return int(a.Key - b.Key) })
	return all, report
}

const series = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "

func TestRowsOfEveryKindComeBack(t *testing.T) {
	for _, size := range []int{512, 4096, 65536} {
		path := makeFile(t, false, fmt.Sprintf("PRAGMA page_size = %d", size),
			"CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c, d, e, f)",
			"INSERT INTO t VALUES (1, NULL, 0, 1, -1, 1.5, 'text'), (-5, 127, 128, -32768, 8388607, 2147483648, x'00ff')",
			"INSERT INTO t VALUES (9223372036854775807, 140737488355328, -9223372036854775808, '', x'', 'é', -1e300)")
		all, report := rows(t, path, false, 7)
		want := []Row{
			{Key: -5, Values: []any{nil, int64(127), int64(128), int64(-32768), int64(8388607), int64(2147483648), []byte{0, 255}}},
			{Key: 1, Values: []any{nil, nil, int64(0), int64(1), int64(-1), 1.5, "text"}},
			{Key: 9223372036854775807, Values: []any{nil, int64(140737488355328), int64(-9223372036854775808), "", []byte{}, "é", -1e300}},
		}
		if !reflect.DeepEqual(all, want) || report.Damaged > 0 || report.FreeLost {
			t.Errorf("pages of %d bytes: %+v\n%+v", size, report, all)
		}
	}
}

func TestLongRowsComeBackWithAllTheirPages(t *testing.T) {
	path := makeFile(t, false, "CREATE TABLE t (id INTEGER PRIMARY KEY, a)", "CREATE TABLE w (k TEXT PRIMARY KEY, a, b) WITHOUT ROWID",
		series+"INSERT INTO t SELECT i, printf('%.*c', i * 13, 'x') FROM n", series+"INSERT INTO w SELECT printf('%.*c', i, 'y') || i, i, 'z' FROM n")
	all, report := rows(t, path, false, 2)
	if len(all) != 2000 || report.Damaged > 0 {
		t.Fatalf("%d rows, %+v", len(all), report)
	}
	for i, row := range all {
		if text, ok := row.Values[1].(string); !ok || len(text) != 13*(i+1) || strings.Trim(text, "x") != "" || row.Cut {
			t.Fatalf("row %d has %d bytes", row.Key, len(text))
		}
	}
	all, _ = rows(t, path, true, 3)
	found := map[int64]bool{}
	for _, row := range all {
		n := row.Values[1].(int64)
		if row.Values[0] != strings.Repeat("y", int(n))+fmt.Sprint(n) || found[n] {
			t.Fatalf("entry %d is %v", n, row.Values)
		}
		found[n] = true
	}
	if len(found) != 2000 {
		t.Errorf("%d entries of the index, some of which are above its leaves", len(found))
	}
}

func TestTheLogIsReadUpToItsLastWholeTransaction(t *testing.T) {
	path := makeFile(t, true, "PRAGMA journal_mode = WAL", "PRAGMA wal_autocheckpoint = 0", "CREATE TABLE t (id INTEGER PRIMARY KEY, a)",
		"INSERT INTO t VALUES (1, 'old')", "UPDATE t SET a = 'new'", "INSERT INTO t VALUES (2, 'last')")
	if all, _ := rows(t, path, false, 2); len(all) != 2 || all[0].Values[1] != "new" {
		t.Errorf("%+v", all)
	}
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path+"-wal", info.Size()-1); err != nil {
		t.Fatal(err)
	}
	if all, _ := rows(t, path, false, 2); len(all) != 1 || all[0].Values[1] != "new" {
		t.Errorf("with a last transaction that is not whole: %+v", all)
	}
}

func TestDeletedRowsStayAwayUnlessTheListOfFreePagesIsLost(t *testing.T) {
	path := makeFile(t, false, "PRAGMA secure_delete = OFF", "CREATE TABLE t (id INTEGER PRIMARY KEY, a)",
		series+"INSERT INTO t SELECT i, printf('%.*c', 300, 'x') FROM n", "DELETE FROM t WHERE id > 100")
	all, report := rows(t, path, false, 2)
	if len(all) != 100 || report.FreeLost || report.Damaged > 0 {
		t.Errorf("%d rows, %+v", len(all), report)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	clear(content[:100])
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if all, report = rows(t, path, false, 2); len(all) < 100 || !report.FreeLost || report.Damaged == 0 {
		t.Errorf("%d rows, %+v", len(all), report)
	}
}

func TestAnErrorOfTheCallerEndsIt(t *testing.T) {
	path := makeFile(t, false, "CREATE TABLE t (a)", "INSERT INTO t VALUES (1), (2)")
	enough := errors.New("enough")
	calls := 0
	if _, err := Read(path, func(Row) error { calls++; return enough }); !errors.Is(err, enough) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
	if _, err := Read(path+"x", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte("text "), 10_000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path, nil); !errors.Is(err, ErrNotSQLite) {
		t.Errorf("a text: %v", err)
	}
}

// FuzzAnyFileIsRead lets hostile files neither crash the reader nor keep it busy.
func FuzzAnyFileIsRead(f *testing.F) {
	path := makeFile(f, true, "PRAGMA page_size = 512", "PRAGMA journal_mode = WAL", "CREATE TABLE t (id INTEGER PRIMARY KEY, a)",
		"CREATE INDEX i ON t (a)", "INSERT INTO t VALUES (1, 'x'), (2, printf('%.*c', 2000, 'x'))", "PRAGMA wal_checkpoint", "INSERT INTO t VALUES (3, 'y')")
	db, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	log, err := os.ReadFile(path + "-wal")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(db, log, uint16(0), byte(0))
	f.Add(db, []byte{}, uint16(36), byte(0xff))
	f.Fuzz(func(t *testing.T, db, log []byte, at uint16, value byte) {
		if int(at) < len(db) {
			db[at] ^= value
		}
		path := filepath.Join(t.TempDir(), "file.db")
		if errors.Join(os.WriteFile(path, db, 0o600), os.WriteFile(path+"-wal", log, 0o600)) != nil {
			t.Skip()
		}
		_, _ = Read(path, func(r Row) error {
			_ = fmt.Sprint(r.Values...)
			return nil
		})
	})
}
