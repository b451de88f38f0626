package vuln

import (
	"fmt"
	"reflect"
	"strconv"
	"sync"

	v6 "github.com/anchore/grype/grype/db/v6"
	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
)

// maxAnswers bounds the rows that are kept of one open database. An image of some
// hundred packages needs a few thousand.
const maxAnswers = 1 << 14

// answers are rows that a database gave before. grype asks for the same ones again
// and again: for the distribution, the aliases of an ecosystem and the publisher
// with every package, for a source package with each of its binary packages, for
// the scores of a vulnerability wherever it is found. An open database never changes
// (it is opened as immutable), so the same query has the same answer.
//
// What is kept is what the database gave, before grype adds to it; whoever asks
// gets a copy. A query that fails is not kept.
type answers struct {
	mutex sync.Mutex
	rows  map[string]reflect.Value // slices, by query
	count int
}

// keepAnswers makes the reader's queries look here first.
func keepAnswers(reader v6.Reader) error {
	db, err := gormOf(reader)
	if err != nil {
		return err
	}
	kept := &answers{rows: make(map[string]reflect.Value)}
	if err := db.Callback().Query().Replace("gorm:query", kept.query); err != nil {
		return fmt.Errorf("taking grype's database queries over: %w", err)
	}
	return nil
}

// query takes the place of gorm's own callback of that name, callbacks.Query.
func (a *answers) query(tx *gorm.DB) {
	if tx.Error == nil {
		callbacks.BuildQuerySQL(tx) // done once; callbacks.Query finds it done
	}
	key, ok := queryKey(tx)
	if !ok {
		callbacks.Query(tx)
		return
	}
	if known, ok := a.get(key); ok {
		tx.Statement.ReflectValue.Set(known)
		tx.RowsAffected = int64(known.Len())
		return
	}
	callbacks.Query(tx)
	if tx.Error == nil {
		a.put(key, tx.Statement.ReflectValue)
	}
}

// queryKey tells queries apart by what they look for, and in which type. It is
// false for those that are not kept: of single rows, and with values that may
// change behind a pointer.
func queryKey(tx *gorm.DB) (string, bool) {
	if tx.Error != nil || tx.DryRun || tx.Statement.ReflectValue.Kind() != reflect.Slice {
		return "", false
	}
	key := make([]byte, 0, 512)
	key = append(key, tx.Statement.ReflectValue.Type().String()...)
	key = append(append(key, ' '), tx.Statement.SQL.String()...)
	for _, value := range tx.Statement.Vars {
		switch v := reflect.ValueOf(value); v.Kind() {
		case reflect.String:
			key = strconv.AppendQuote(append(key, ' '), v.String())
		case reflect.Int, reflect.Int64:
			key = strconv.AppendInt(append(key, ' '), v.Int(), 10)
		default:
			return "", false
		}
	}
	return string(key), true
}

func (a *answers) get(key string) (reflect.Value, bool) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	rows, ok := a.rows[key]
	if !ok {
		return rows, false
	}
	return copyOf(rows), true
}

// put keeps rows. When there are too many, all are forgotten.
func (a *answers) put(key string, rows reflect.Value) {
	rows = copyOf(rows)
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.count > maxAnswers {
		clear(a.rows)
		a.count = 0
	}
	a.rows[key] = rows
	a.count += 1 + rows.Len()
}

// copyOf copies a slice of rows, or of pointers to them.
func copyOf(rows reflect.Value) reflect.Value {
	list := reflect.MakeSlice(rows.Type(), rows.Len(), rows.Len())
	reflect.Copy(list, rows)
	if rows.Type().Elem().Kind() != reflect.Pointer {
		return list
	}
	for i := range list.Len() {
		row := reflect.New(rows.Type().Elem().Elem())
		row.Elem().Set(list.Index(i).Elem())
		list.Index(i).Set(row)
	}
	return list
}
