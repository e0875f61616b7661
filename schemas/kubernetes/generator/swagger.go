package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

type swagger struct {
	Definitions map[string]*schema
	Paths       map[string]map[string]json.RawMessage
}

type schema struct {
	Ref                  string `json:"$ref"`
	Type, Format         string
	Properties           map[string]*schema
	Required             []string
	Items                *schema
	AdditionalProperties *schema
	ListType             string   `json:"x-kubernetes-list-type"`
	ListMapKeys          []string `json:"x-kubernetes-list-map-keys"`
	MapType              string   `json:"x-kubernetes-map-type"`
	MergeKey             string   `json:"x-kubernetes-patch-merge-key"`
	PatchStrategy        string   `json:"x-kubernetes-patch-strategy"`
}

type operation struct {
	Parameters []struct {
		In     string
		Schema *schema
	}
	Action string                                `json:"x-kubernetes-action"`
	GVK    struct{ Group, Version, Kind string } `json:"x-kubernetes-group-version-kind"`
}

// scalars are the definitions that are no objects for whoever writes a manifest.
var scalars = map[string]string{
	"io.k8s.apimachinery.pkg.api.resource.Quantity":                                         "quantity",
	"io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1":                                         "any",
	"io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime":                                        "micro-time",
	"io.k8s.apimachinery.pkg.apis.meta.v1.Time":                                             "time",
	"io.k8s.apimachinery.pkg.runtime.RawExtension":                                          "any",
	"io.k8s.apimachinery.pkg.util.intstr.IntOrString":                                       "int-or-string",
	"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON":                         "any",
	"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray":       "schema-or-array",
	"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool":        "schema-or-bool",
	"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": "schema-or-strings",
}

// jsonSchemaProps is reached through scalars that OpenAPI does not follow.
const jsonSchemaProps = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"

type reader struct {
	api    *swagger
	source *source
	rules  *rules
	out    *Tables
	done   map[string]bool
}

func readRelease(release string, rules *rules) (*Tables, error) {
	mods := &modules{main: release, folders: map[string]string{}}
	root, err := mods.folder("kubernetes")
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(root, "api/openapi-spec/swagger.json"))
	if err != nil {
		return nil, err
	}
	api := &swagger{}
	if err := json.Unmarshal(data, api); err != nil {
		return nil, err
	}
	if err := rules.begin(mods); err != nil {
		return nil, err
	}
	r := &reader{
		api: api, rules: rules, done: map[string]bool{},
		source: &source{mods, map[string]*goPackage{}},
		out: &Tables{
			kinds: map[Kind]uint8{}, fields: map[Field]uint8{}, objects: map[Object]uint8{}, sets: map[SetValue]uint8{},
		},
	}
	if r.out.cycles, err = lifecycles(mods); err != nil {
		return nil, err
	}
	return r.out, r.kinds()
}

var (
	collection = regexp.MustCompile(`^/(?:api/v1|apis/[^/]+/[^/]+)/(namespaces/\{namespace\}/)?([a-z]+)$`)
	verbOrder  = []string{"create", "get", "list", "update", "patch", "delete", "deletecollection"}
	verbNames  = map[string]string{"post": "create", "put": "update"}
)

// kinds reads what can be created: the collections that take a POST.
func (r *reader) kinds() error {
	for path, methods := range r.api.Paths {
		match := collection.FindStringSubmatch(path)
		raw, creates := methods["post"]
		if match == nil || !creates {
			continue
		}
		var post operation
		if err := json.Unmarshal(raw, &post); err != nil {
			return err
		}
		typ := ""
		for _, p := range post.Parameters {
			if p.In == "body" {
				typ = strings.TrimPrefix(p.Schema.Ref, "#/definitions/")
			}
		}
		if typ == "" {
			return fmt.Errorf("%s: POST without a body", path)
		}
		verbs, err := r.verbs(path)
		if err != nil {
			return err
		}
		r.out.kinds[Kind{
			group: post.GVK.Group, version: post.GVK.Version, kind: post.GVK.Kind, plural: match[2],
			typ: typ, namespaced: match[1] != "", verbs: verbs,
		}] = 1
		if err := r.object(typ); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) verbs(path string) (string, error) {
	found := map[string]bool{}
	for _, p := range []string{path, path + "/{name}"} {
		for method, raw := range r.api.Paths[p] {
			if method == "parameters" {
				continue
			}
			var op operation
			if err := json.Unmarshal(raw, &op); err != nil {
				return "", err
			}
			verb := op.Action
			if name, ok := verbNames[verb]; ok {
				verb = name
			}
			found[verb] = true
		}
	}
	var verbs []string
	for _, verb := range verbOrder {
		if found[verb] {
			verbs = append(verbs, verb)
		}
	}
	return strings.Join(verbs, ","), nil
}

// object enters a definition and all it refers to.
func (r *reader) object(name string) error {
	if r.done[name] {
		return nil
	}
	r.done[name] = true
	def := r.api.Definitions[name]
	if def == nil {
		return fmt.Errorf("no definition %s", name)
	}
	goFields, err := r.source.fields(name)
	if err != nil {
		return err
	}
	r.out.objects[Object{name, def.MapType == "atomic"}] = 1
	for property, s := range def.Properties {
		g, ok := goFields[property]
		if !ok {
			return fmt.Errorf("%s.%s: no such field in the Go type", name, property)
		}
		set, err := r.closedSet(name, property, g)
		if err != nil {
			return err
		}
		typ, err := r.expr(s, set)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", name, property, err)
		}
		strategy := ""
		if s.Type != "array" {
			strategy = s.PatchStrategy
		}
		// A struct is never missing for the server: its own fields are demanded instead.
		// And false and the quantity 0 are values as good as any.
		zero := !g.pointer && (strings.HasPrefix(typ, "io.k8s.") || typ == "bool" || typ == "quantity")
		required := !zero && r.rules.required(name, property, g.required || slices.Contains(def.Required, property))
		unchecked := r.rules.unchecked(name, property)
		r.out.fields[Field{name, property, typ, required, g.pointer, unchecked, strategy}] = 1
	}
	return nil
}

// closedSet returns the name of the set that the strings of a field are taken from.
func (r *reader) closedSet(object, property string, g goField) (string, error) {
	add := func(name string, values []string) string {
		for _, v := range values {
			r.out.sets[SetValue{name, v}] = 1
		}
		return name
	}
	if values, ok := r.rules.values(object + "." + property); ok {
		return add(object+"."+property, values), nil
	}
	t, err := r.source.named(g)
	if err != nil || t == nil {
		return "", err
	}
	if values, ok := r.rules.values(t.name()); ok {
		return add(t.name(), values), nil
	}
	if !r.rules.closed(t.name(), t.isEnum()) {
		return "", nil
	}
	return add(t.name(), t.pkg.values(t.spec.Name.Name)), nil
}

// expr is the type of a schema as a word:
//
//	string bool int32 int64 float64 bytes time micro-time quantity int-or-string any ..
//	string(SET)   io.k8s.api.core.v1.Container
//	[]T  [atomic]T  [set]T  [map(name)]T  [map(name);merge(name)]T  [merge;retainKeys]T
//	{}T  {atomic}T
func (r *reader) expr(s *schema, set string) (string, error) {
	switch {
	case s.Ref != "":
		name := strings.TrimPrefix(s.Ref, "#/definitions/")
		if scalar, ok := scalars[name]; ok {
			if strings.HasPrefix(scalar, "schema-or-") {
				return scalar, r.object(jsonSchemaProps)
			}
			return scalar, nil
		}
		return name, r.object(name)
	case s.Type == "array":
		item, err := r.expr(s.Items, set)
		return "[" + listWords(s) + "]" + item, err
	case s.Type == "object" && s.AdditionalProperties != nil:
		value, err := r.expr(s.AdditionalProperties, set)
		if s.MapType == "atomic" {
			return "{atomic}" + value, err
		}
		return "{}" + value, err
	case s.Type == "object" || s.Type == "":
		return "any", nil
	case s.Type == "boolean":
		return "bool", nil
	case s.Type == "integer" && s.Format != "":
		return s.Format, nil
	case s.Type == "number" && s.Format == "double":
		return "float64", nil
	case s.Type == "string" && s.Format == "byte":
		return "bytes", nil
	case s.Type == "string" && s.Format == "":
		if set != "" {
			return "string(" + set + ")", nil
		}
		return "string", nil
	}
	return "", fmt.Errorf("type `%s`, format `%s` has no place in the tables", s.Type, s.Format)
}

func listWords(s *schema) string {
	var words []string
	switch s.ListType {
	case "":
	case "map":
		words = append(words, "map("+strings.Join(s.ListMapKeys, ",")+")")
	default:
		words = append(words, s.ListType)
	}
	for _, strategy := range strings.Split(s.PatchStrategy, ",") {
		if strategy == "merge" && s.MergeKey != "" {
			strategy = "merge(" + s.MergeKey + ")"
		}
		if strategy != "" {
			words = append(words, strategy)
		}
	}
	return strings.Join(words, ";")
}
