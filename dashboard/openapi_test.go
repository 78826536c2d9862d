package dashboard

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
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
	var all any
	if err := yaml.Unmarshal(text, &all); err != nil || cutOff(all) != "" {
		t.Fatalf("%v, cut off before %q", err, cutOff(all))
	}
	return &doc
}

// cutOff finds a key without a value: what comes after a comma in a description that lacks its quotes.
func cutOff(node any) string {
	switch node := node.(type) {
	case map[string]any:
		for key, value := range node {
			if value == nil {
				return key
			}
			if found := cutOff(value); found != "" {
				return found
			}
		}
	case []any:
		for _, value := range node {
			if found := cutOff(value); found != "" {
				return found
			}
		}
	}
	return ""
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
		maps.Copy(out.Properties, part.Properties)
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
