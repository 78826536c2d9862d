package dashboard

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// differences are where the file says something else of an answer than its type does: a field too many or too
// few, one that is left out or not, another kind of value.
func (a *openAPI) differences(at string, s *schema, typ reflect.Type) []string {
	if s == nil {
		return []string{at + " has no schema"}
	}
	if s = a.whole(s); len(s.AnyOf) > 0 {
		s = a.whole(s.AnyOf[0])
	}
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	want := "string"
	_, text := reflect.TypeAssert[encoding.TextMarshaler](reflect.New(typ))
	switch kind := typ.Kind(); {
	case text, kind == reflect.String:
	case kind == reflect.Struct:
		return a.fieldDifferences(at, s, typ)
	case kind == reflect.Slice, kind == reflect.Array:
		if s.Items == nil {
			return []string{at + " has no items"}
		}
		return a.differences(at+"[]", s.Items, typ.Elem())
	case kind == reflect.Map:
		return a.differences(at+".*", s.Others, typ.Elem())
	case kind == reflect.Bool:
		want = "boolean"
	case kind == reflect.Float64:
		want = "number"
	default:
		want = "integer"
	}
	if !slices.Contains(s.Type, want) || (typ == reflect.TypeFor[time.Time]()) != (s.Format == "date-time") {
		return []string{fmt.Sprintf("%s is %s %s, want %s", at, s.Type, s.Format, want)}
	}
	return nil
}

// fieldsOf are the fields that JSON has of a struct, also those of what is embedded in it.
func fieldsOf(typ reflect.Type) []reflect.StructField {
	var out []reflect.StructField
	for f := range typ.Fields() {
		switch {
		case f.Anonymous:
			out = append(out, fieldsOf(f.Type)...)
		case f.Tag.Get("json") != "-":
			out = append(out, f)
		}
	}
	return out
}

func (a *openAPI) fieldDifferences(at string, s *schema, typ reflect.Type) []string {
	var out []string
	known := map[string]bool{}
	for _, f := range fieldsOf(typ) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		known[name] = true
		required := !strings.Contains(options, "omit")
		switch p := s.Properties[name]; {
		case p == nil:
			out = append(out, at+"."+name+" is not in the file")
		case slices.Contains(s.Required, name) != required:
			out = append(out, fmt.Sprintf("%s.%s is always there: %v", at, name, required))
		default:
			out = append(out, a.differences(at+"."+name, p, f.Type)...)
		}
	}
	for name := range s.Properties {
		if !known[name] {
			out = append(out, at+"."+name+" is in the file only")
		}
	}
	return out
}

// TestOpenAPIHasTheRoutes: the file has each route for programs, and no other, with an answer that is the type's.
func TestOpenAPIHasTheRoutes(t *testing.T) {
	t.Parallel()
	doc := readOpenAPI(t)
	types := map[string]any{
		"/api/v1/queues": queuesAnswer{}, "/api/v1/jobs": jobsAnswer{}, "/api/v1/job": jobAnswer{}, "/api/v1/errors": errorsAnswer{},
		"/api/v1/journal": journalAnswer{}, "/api/v1/schedule": horizonAnswer{}, "/api/v1/series": queue.Series{},
		"/api/v1/workers": fleetAnswer{}, "/api/v1/producers": fleetAnswer{}, "/api/v1/redis": serversAnswer{}, "/api/v1/alerts": alertsJSON{},
		"/healthz": health{}, "/readyz": health{},
	}
	text := []string{"/metrics", "/charts.csv"}
	known := map[string]bool{}
	for _, rt := range fake(t, Config{}, nil).routes() {
		if !rt.script && !rt.anyHost {
			if strings.HasPrefix(rt.path(), "/api/") {
				t.Errorf("%s lets no programs sign in", rt.pattern)
			}
			continue
		}
		known[rt.path()] = true
		if doc.Paths[rt.path()].Get.OperationID == "" {
			t.Errorf("%s is not in the file", rt.pattern)
		} else if answer := types[rt.path()]; answer != nil {
			for _, fault := range doc.differences(rt.path(), doc.answer(rt.path(), 200), reflect.TypeOf(answer)) {
				t.Error(fault)
			}
		} else if !slices.Contains(text, rt.path()) {
			t.Errorf("%s has no type here", rt.pattern)
		}
	}
	for path := range doc.Paths {
		if !known[path] {
			t.Errorf("%s is in the file only", path)
		}
	}
}
