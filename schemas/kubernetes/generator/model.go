package main

import (
	"fmt"
	"sort"
	"strings"
)

// maxVersions is the number of bits of a version mask.
const maxVersions = 8

// Tables is everything known about the types of one or several releases. Every line
// carries the releases in which it holds, so two releases share what they have in common.
type Tables struct {
	releases []Release
	kinds    map[Kind]uint8
	cycles   map[Lifecycle]uint8
	fields   map[Field]uint8
	objects  map[Object]uint8
	sets     map[SetValue]uint8
}

// Release is one minor version and the module version its tables were read from.
type Release struct {
	minor  int
	module string
}

// Kind is something a user can create: group, version and kind as in a manifest.
type Kind struct {
	group, version, kind, plural, typ string
	namespaced                        bool
	verbs                             string
}

// Lifecycle is when an API version came and when it goes. Zero: not known, or never.
type Lifecycle struct {
	group, version, kind            string
	introduced, deprecated, removed int
	newGroup, newVersion, newKind   string
}

// Object is a structured type. An atomic one has one owner under server-side apply.
type Object struct {
	name   string
	atomic bool
}

// Field is one property of an Object; typ is a type expression (see exprs in swagger.go).
type Field struct {
	object, name, typ string
	// The server's create refuses the zero value: missing, null, empty.
	required bool
	// The Go field is a pointer: an empty value differs from a missing one.
	pointer bool
	// It is decoded, but no rule is applied to it.
	unchecked bool
	// The patch strategy of a field that is no list: retainKeys, replace, or nothing.
	strategy string
}

// SetValue is one member of a closed set of strings.
type SetValue struct{ set, value string }

func (t *Tables) merge(one *Tables, module string, minor int, bit uint) {
	t.releases = append(t.releases, Release{minor, module})
	mergeMasks(&t.kinds, one.kinds, bit)
	mergeMasks(&t.cycles, one.cycles, bit)
	mergeMasks(&t.fields, one.fields, bit)
	mergeMasks(&t.objects, one.objects, bit)
	mergeMasks(&t.sets, one.sets, bit)
}

func mergeMasks[K comparable](into *map[K]uint8, from map[K]uint8, bit uint) {
	if *into == nil {
		*into = map[K]uint8{}
	}
	for k := range from {
		(*into)[k] |= 1 << bit
	}
}

func sortedKeys[K comparable](m map[K]uint8, key func(K) string) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return key(keys[i]) < key(keys[j]) })
	return keys
}

func (k Kind) sortKey() string {
	return k.group + "\x00" + k.kind + "\x00" + k.version + "\x00" + k.text()
}
func (l Lifecycle) sortKey() string {
	return l.group + "\x00" + l.kind + "\x00" + l.version + "\x00" + l.text()
}
func (o Object) sortKey() string   { return o.name + "\x00" + o.text() }
func (f Field) sortKey() string    { return f.object + "\x00" + f.name + "\x00" + f.text() }
func (v SetValue) sortKey() string { return v.set + "\x00" + v.value }

func (k Kind) text() string {
	scope := "cluster"
	if k.namespaced {
		scope = "namespaced"
	}
	return fmt.Sprintf("kind %s %s %s %s %s %s", apiVersion(k.group, k.version), k.kind, k.plural, scope, k.typ, k.verbs)
}

func (l Lifecycle) text() string {
	s := fmt.Sprintf("lifecycle %s %s", apiVersion(l.group, l.version), l.kind)
	for _, e := range []struct {
		name  string
		minor int
	}{{"introduced", l.introduced}, {"deprecated", l.deprecated}, {"removed", l.removed}} {
		if e.minor != 0 {
			s += fmt.Sprintf(" %s 1.%d", e.name, e.minor)
		}
	}
	if l.newKind != "" {
		s += fmt.Sprintf(" replacement %s %s", apiVersion(l.newGroup, l.newVersion), l.newKind)
	}
	return s
}

func (o Object) text() string {
	if o.atomic {
		return "type " + o.name + " atomic"
	}
	return "type " + o.name
}

func (f Field) text() string {
	s := "  " + f.name + " " + f.typ
	if f.required {
		s += " required"
	}
	if f.pointer {
		s += " pointer"
	}
	if f.unchecked {
		s += " unchecked"
	}
	if f.strategy != "" {
		s += " " + f.strategy
	}
	return s
}

func apiVersion(group, version string) string {
	if group == "" {
		return version
	}
	return group + "/" + version
}

// text is the readable form. A line that does not hold in all releases ends with those where it does.
func (t *Tables) text() string {
	var b strings.Builder
	b.WriteString("# The types of Kubernetes. Written by schemas/kubernetes/generate; do not edit.\n")
	b.WriteString("# A line ends with `@` and the releases where it holds, unless it holds in all.\n")
	for _, r := range t.releases {
		fmt.Fprintf(&b, "release 1.%d %s\n", r.minor, r.module)
	}
	line := func(text string, mask uint8) {
		b.WriteString(text)
		if mask != 1<<len(t.releases)-1 {
			b.WriteString(" @")
			for bit, r := range t.releases {
				if mask&(1<<bit) != 0 {
					fmt.Fprintf(&b, " 1.%d", r.minor)
				}
			}
		}
		b.WriteByte('\n')
	}
	for _, k := range sortedKeys(t.kinds, Kind.sortKey) {
		line(k.text(), t.kinds[k])
	}
	for _, l := range sortedKeys(t.cycles, Lifecycle.sortKey) {
		line(l.text(), t.cycles[l])
	}
	set := ""
	for _, v := range sortedKeys(t.sets, SetValue.sortKey) {
		if v.set != set {
			b.WriteString("set " + v.set + "\n")
			set = v.set
		}
		line(fmt.Sprintf("  %q", v.value), t.sets[v])
	}
	fields := sortedKeys(t.fields, Field.sortKey)
	for _, o := range sortedKeys(t.objects, Object.sortKey) {
		line(o.text(), t.objects[o])
		for len(fields) > 0 && fields[0].object == o.name {
			line(fields[0].text(), t.fields[fields[0]])
			fields = fields[1:]
		}
	}
	return b.String()
}
