package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"sort"
	"strings"
)

// Type nodes begin with one of these; src/schema/layout.rs reads them.
const (
	tagObject = iota
	tagMap
	tagList
	tagString
	tagBool
	tagInt32
	tagInt64
	tagFloat64
	tagBytes
	tagTime
	tagMicroTime
	tagQuantity
	tagIntOrString
	tagAny
	tagSchemaOrArray
	tagSchemaOrBool
	tagSchemaOrStrings
)

var scalarTags = map[string]byte{
	"string": tagString, "bool": tagBool, "int32": tagInt32, "int64": tagInt64, "float64": tagFloat64,
	"bytes": tagBytes, "time": tagTime, "micro-time": tagMicroTime, "quantity": tagQuantity,
	"int-or-string": tagIntOrString, "any": tagAny, "schema-or-array": tagSchemaOrArray,
	"schema-or-bool": tagSchemaOrBool, "schema-or-strings": tagSchemaOrStrings,
}

const (
	listAtomic     = 1
	listSet        = 2
	listMap        = 3
	listMerge      = 4
	listRetainKeys = 8
	listReplace    = 16

	fieldRequired   = 1
	fieldPointer    = 2
	fieldRetainKeys = 4
	fieldReplace    = 8
	fieldUnchecked    = 16
)

type node struct {
	tag, flags byte
	a, b, c    uint16
}

type encoder struct {
	tables  *Tables
	strings map[string]uint16
	nodes   []node
	byExpr  map[string]uint16
	sets    map[string]uint16
	err     error
}

// encode writes the tables as the binary reads them, in place: a header of section
// offsets, then arrays of fixed-size little-endian records.
func encode(t *Tables) ([]byte, error) {
	e := &encoder{tables: t, byExpr: map[string]uint16{}, sets: map[string]uint16{}}
	stringEnds, stringBytes := e.collectStrings()
	setRanges, setValues := e.encodeSets()
	fields := e.encodeObjects()
	kinds, cycles := e.encodeKinds(), e.encodeLifecycles()
	var types []byte
	for _, n := range e.nodes {
		types = append(types, n.tag, n.flags)
		types = put(types, n.a, n.b, n.c)
	}
	if len(e.nodes) > math.MaxUint16 {
		e.err = fmt.Errorf("%d type nodes", len(e.nodes))
	}
	var minors []byte
	for _, r := range t.releases {
		minors = append(minors, byte(r.minor))
	}
	sections := [][]byte{minors, stringEnds, stringBytes, types, fields, kinds, cycles, setRanges, setValues}
	out := []byte("deployx1")
	offset := len(out) + 8*len(sections)
	for _, s := range sections {
		out = binary.LittleEndian.AppendUint32(out, uint32(offset))
		out = binary.LittleEndian.AppendUint32(out, uint32(len(s)))
		offset += len(s)
	}
	for _, s := range sections {
		out = append(out, s...)
	}
	return out, e.err
}

func put(out []byte, numbers ...uint16) []byte {
	for _, n := range numbers {
		out = binary.LittleEndian.AppendUint16(out, n)
	}
	return out
}

// collectStrings numbers all strings in sorted order; number 0 is the empty string.
func (e *encoder) collectStrings() (ends, bytes []byte) {
	all := map[string]bool{"": true}
	for k := range e.tables.kinds {
		all[k.group], all[k.version], all[k.kind], all[k.plural] = true, true, true, true
	}
	for l := range e.tables.cycles {
		all[l.group], all[l.version], all[l.kind] = true, true, true
		all[l.newGroup], all[l.newVersion], all[l.newKind] = true, true, true
	}
	for o := range e.tables.objects {
		all[o.name] = true
	}
	for f := range e.tables.fields {
		all[f.name] = true
		_, keys, merge, _ := listParts(f.typ)
		all[keys], all[merge] = true, true
	}
	for v := range e.tables.sets {
		all[v.value] = true
	}
	sorted := make([]string, 0, len(all))
	for s := range all {
		sorted = append(sorted, s)
	}
	sort.Strings(sorted)
	if len(sorted) > math.MaxUint16 {
		e.err = fmt.Errorf("%d strings", len(sorted))
	}
	e.strings = map[string]uint16{}
	for i, s := range sorted {
		e.strings[s] = uint16(i)
		bytes = append(bytes, s...)
		ends = binary.LittleEndian.AppendUint32(ends, uint32(len(bytes)))
	}
	return ends, bytes
}

func (e *encoder) encodeSets() (ranges, values []byte) {
	var name string
	var first, count uint16
	flush := func() {
		if name != "" {
			e.sets[name] = uint16(len(e.sets) + 1)
			ranges = put(ranges, first, count)
		}
	}
	for _, v := range sortedKeys(e.tables.sets, SetValue.sortKey) {
		if v.set != name {
			flush()
			name, first, count = v.set, first+count, 0
		}
		values = put(values, e.strings[v.value])
		values = append(values, e.tables.sets[v], 0)
		count++
	}
	flush()
	return ranges, values
}

// encodeObjects enters the structured types first, by name, then whatever types their
// fields have, in the order they are met.
func (e *encoder) encodeObjects() (fields []byte) {
	type atomic struct{ all, mask uint8 }
	names, masks := []string{}, map[string]atomic{}
	for _, o := range sortedKeys(e.tables.objects, Object.sortKey) {
		m, seen := masks[o.name]
		if !seen {
			names = append(names, o.name)
		}
		m.all |= e.tables.objects[o]
		if o.atomic {
			m.mask |= e.tables.objects[o]
		}
		masks[o.name] = m
	}
	byObject := map[string][]Field{}
	for _, f := range sortedKeys(e.tables.fields, Field.sortKey) {
		byObject[f.object] = append(byObject[f.object], f)
	}
	total := 0
	for i, name := range names {
		e.byExpr[name] = uint16(i)
		count := len(byObject[name])
		e.nodes = append(e.nodes, node{tagObject, masks[name].mask, e.strings[name], uint16(total), uint16(count)})
		total += count
	}
	if total > math.MaxUint16 {
		e.err = fmt.Errorf("%d fields", total)
	}
	for _, name := range names {
		for _, f := range byObject[name] {
			fields = put(fields, e.strings[f.name], e.typeOf(f.typ))
			flags := byte(0)
			if f.required {
				flags |= fieldRequired
			}
			if f.pointer {
				flags |= fieldPointer
			}
			if f.unchecked {
				flags |= fieldUnchecked
			}
			switch f.strategy {
			case "":
			case "retainKeys":
				flags |= fieldRetainKeys
			case "replace":
				flags |= fieldReplace
			default:
				e.err = fmt.Errorf("%s.%s: patch strategy %s", f.object, f.name, f.strategy)
			}
			fields = append(fields, flags, e.tables.fields[f])
		}
	}
	return fields
}

// typeOf returns the number of the node of a type expression, making it at need.
func (e *encoder) typeOf(expr string) uint16 {
	if n, ok := e.byExpr[expr]; ok {
		return n
	}
	var n node
	switch {
	case strings.HasPrefix(expr, "["):
		flags, keys, merge, item := listParts(expr)
		n = node{tagList, flags, e.typeOf(item), e.strings[keys], e.strings[merge]}
	case strings.HasPrefix(expr, "{"):
		words, value, _ := strings.Cut(expr[1:], "}")
		n = node{tag: tagMap, a: e.typeOf(value)}
		if words == "atomic" {
			n.flags = listAtomic
		}
	case strings.HasPrefix(expr, "string("):
		n = node{tag: tagString, a: e.sets[strings.TrimSuffix(strings.TrimPrefix(expr, "string("), ")")]}
		if n.a == 0 {
			e.err = fmt.Errorf("no values for %s", expr)
		}
	default:
		tag, ok := scalarTags[expr]
		if !ok {
			e.err = fmt.Errorf("type %s", expr)
		}
		n = node{tag: tag}
		if strings.HasPrefix(expr, "schema-or-") {
			n.a = e.byExpr[jsonSchemaProps]
		}
	}
	id := uint16(len(e.nodes))
	e.nodes = append(e.nodes, n)
	e.byExpr[expr] = id
	return id
}

func listParts(expr string) (flags byte, keys, merge, item string) {
	if !strings.HasPrefix(expr, "[") {
		return 0, "", "", ""
	}
	words, item, _ := strings.Cut(expr[1:], "]")
	for _, word := range strings.Split(words, ";") {
		name, argument, _ := strings.Cut(strings.TrimSuffix(word, ")"), "(")
		switch name {
		case "atomic":
			flags |= listAtomic
		case "set":
			flags |= listSet
		case "map":
			flags, keys = flags|listMap, argument
		case "merge":
			flags, merge = flags|listMerge, argument
		case "retainKeys":
			flags |= listRetainKeys
		case "replace":
			flags |= listReplace
		}
	}
	return flags, keys, merge, item
}

func (e *encoder) encodeKinds() (out []byte) {
	for _, k := range sortedKeys(e.tables.kinds, Kind.sortKey) {
		out = put(out, e.strings[k.group], e.strings[k.kind], e.strings[k.version], e.strings[k.plural], e.byExpr[k.typ])
		verbs, namespaced := byte(0), byte(0)
		for i, verb := range verbOrder {
			if strings.Contains(","+k.verbs+",", ","+verb+",") {
				verbs |= 1 << i
			}
		}
		if k.namespaced {
			namespaced = 1
		}
		out = append(out, verbs, namespaced, e.tables.kinds[k], 0)
	}
	return out
}

func (e *encoder) encodeLifecycles() (out []byte) {
	for _, l := range sortedKeys(e.tables.cycles, Lifecycle.sortKey) {
		out = put(out, e.strings[l.group], e.strings[l.kind], e.strings[l.version])
		out = append(out, byte(l.introduced), byte(l.deprecated), byte(l.removed), e.tables.cycles[l])
		out = put(out, e.strings[l.newGroup], e.strings[l.newKind], e.strings[l.newVersion])
	}
	return out
}
