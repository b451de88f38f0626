package vuln

import (
	"errors"
	"fmt"
	"sync"

	v6 "github.com/anchore/grype/grype/db/v6"
	"gorm.io/gorm"
)

// queryWatch counts the database queries that failed. grype logs most failures and
// goes on with what it has, which would make a damaged database look like a clean
// image.
type queryWatch struct {
	mutex sync.Mutex
	count int
	last  error
}

// watchQueries observes every query of the reader, whichever way grype makes it.
func watchQueries(reader v6.Reader) (*queryWatch, error) {
	db, err := gormOf(reader)
	if err != nil {
		return nil, err
	}
	watch := &queryWatch{}
	callbacks := db.Callback()
	const name = "imagegate:watch"
	err = errors.Join(
		callbacks.Query().After("gorm:after_query").Register(name, watch.note),
		callbacks.Row().After("gorm:row").Register(name, watch.note),
		callbacks.Raw().After("gorm:raw").Register(name, watch.note),
	)
	if err != nil {
		return nil, fmt.Errorf("observing grype's database reader: %w", err)
	}
	return watch, nil
}

// gormOf is the connection of a reader.
func gormOf(reader v6.Reader) (*gorm.DB, error) {
	connected, ok := reader.(interface{ GetDB() *gorm.DB })
	if !ok {
		return nil, errors.New("grype's database reader cannot be observed")
	}
	return connected.GetDB(), nil
}

func (w *queryWatch) note(query *gorm.DB) {
	if query.Error == nil || errors.Is(query.Error, gorm.ErrRecordNotFound) {
		return
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.count++
	w.last = query.Error
}

// failed is how many queries have failed until now.
func (w *queryWatch) failed() int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.count
}

// failedSince returns the error of a query that failed after failed was asked. It
// may be that of another matching at the same time; that one's result is then in
// doubt as well.
func (w *queryWatch) failedSince(before int) error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.count == before {
		return nil
	}
	return fmt.Errorf("querying the database: %w", w.last)
}
