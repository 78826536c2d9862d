package dashboard

import (
	"encoding"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/dueq-io/dueq/queue"
)

// openAPI is what the tests read of docs/openapi.yaml.
type openAPI struct {
	Paths map[string]struct {
		Get struct {
			OperationID string `yaml:"operationId"`
			Responses   map[string]*response
		}
	}
	Components struct {
		Schemas   map[string]*schema
		Responses map[string]*response
	}
	// met are the schemas that a value was compared with, by name.
	met map[string]bool
}

type response struct {
	Ref     string `yaml:"$ref"`
	Content map[string]struct{ Schema *schema }
}

type schema struct {
	Ref        string `yaml:"$ref"`
	Type       words
	Format     string
	Enum       []string
	AllOf      []*schema `yaml:"allOf"`
	AnyOf      []*schema `yaml:"anyOf"`
	Properties map[string]*schema
	Required   []string
	Items      *schema
	MinItems   int     `yaml:"minItems"`
	MaxItems   int     `yaml:"maxItems"`
	Others     *schema `yaml:"additionalProperties"`
}

// words is one word, or a list of them.
type words []string

func (w *words) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*w = words{n.Value}
		return nil
	}
	return n.Decode((*[]string)(w))
}

func readOpenAPI(t *testing.T) *openAPI {
	t.Helper()
	text, err := os.ReadFile("../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc := openAPI{met: map[string]bool{}}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return &doc
}

// whole is a schema with what it refers to in it.
func (a *openAPI) whole(s *schema) *schema {
	for s.Ref != "" {
		name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
		a.met[name] = true
		if s = a.Components.Schemas[name]; s == nil {
			return &schema{Type: words{"missing " + name}}
		}
	}
	if len(s.AllOf) == 0 {
		return s
	}
	out := &schema{Type: s.Type, Properties: map[string]*schema{}}
	for _, part := range append([]*schema{{Properties: s.Properties, Required: s.Required}}, s.AllOf...) {
		part = a.whole(part)
		out.Required = append(out.Required, part.Required...)
		for name, p := range part.Properties {
			out.Properties[name] = p
		}
	}
	return out
}

// answer is the schema of an answer; nil where there is none in JSON.
func (a *openAPI) answer(path string, status int) *schema {
	r := a.Paths[path].Get.Responses[fmt.Sprint(status)]
	if r != nil && r.Ref != "" {
		r = a.Components.Responses[strings.TrimPrefix(r.Ref, "#/components/responses/")]
	}
	if r == nil {
		return nil
	}
	return r.Content["application/json"].Schema
}

// faults are where a value, as json.Decoder.UseNumber reads it, is not what a schema says. A field that the
// schema does not name is one.
func (a *openAPI) faults(at string, s *schema, value any) []string {
	if s = a.whole(s); len(s.AnyOf) > 0 { // of one schema and null
		if value == nil {
			return nil
		}
		return a.faults(at, s.AnyOf[0], value)
	}
	kind := kindOf(value)
	if !slices.Contains(s.Type, kind) && (kind != "integer" || !slices.Contains(s.Type, "number")) {
		return []string{fmt.Sprintf("%s is %s and not %s", at, kind, s.Type)}
	}
	var out []string
	switch value := value.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339, value); (s.Format == "date-time" && err != nil) || (s.Enum != nil && !slices.Contains(s.Enum, value)) {
			out = append(out, fmt.Sprintf("%s is %q", at, value))
		}
	case []any:
		if len(value) < s.MinItems || (s.MaxItems > 0 && len(value) > s.MaxItems) {
			out = append(out, fmt.Sprintf("%s has %d items", at, len(value)))
		}
		for _, item := range value {
			out = append(out, a.faults(at+"[]", s.Items, item)...)
		}
	case map[string]any:
		for _, name := range s.Required {
			if _, there := value[name]; !there {
				out = append(out, at+"."+name+" is not there")
			}
		}
		for name, field := range value {
			if p := s.Properties[name]; p != nil {
				out = append(out, a.faults(at+"."+name, p, field)...)
			} else if s.Others != nil {
				out = append(out, a.faults(at+".*", s.Others, field)...)
			} else {
				out = append(out, at+"."+name+" is not in the file")
			}
		}
	}
	return out
}

func kindOf(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case json.Number:
		if strings.ContainsAny(value.String(), ".eE") {
			return "number"
		}
		return "integer"
	case []any:
		return "array"
	default:
		return "object"
	}
}

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
	_, text := reflect.New(typ).Interface().(encoding.TextMarshaler)
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
