package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// rules is rules.txt: what the server checks in code, so that neither OpenAPI nor a
// tag on a type tells it. Each line names the file and a word of it that holds the rule,
// and the generator refuses to go on when a release no longer has them.
type rules struct {
	lines []*rule
	// The release that is being read, a minor version.
	minor int
}

type rule struct {
	verb, subject, file, word string
	values                    []string
	since, until              int // minor versions, both inclusive
	used                      bool
}

// readRules reads lines of the form
//
//	closed TYPE FILE WORD            all constants of the type, and no others
//	open TYPE FILE WORD              although tagged +enum, other values are accepted
//	values TYPE|FIELD a,b FILE WORD  exactly these
//	required FIELD FILE WORD         although OpenAPI calls it optional
//	optional FIELD FILE WORD         although OpenAPI calls it required
//	unchecked FIELD FILE WORD        decoded, but no rule is applied to it or below it: its gate is off
//	                                 by default, so that a create forgets it, or nothing looks at it
//
// and, where the rule holds in some releases only, `since 1.35` or `until 1.34` at the end.
// `io.k8s.` is left out of names.
func readRules(path string) (*rules, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	out := &rules{}
	for i, line := range strings.Split(string(data), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		r, err := parseRule(strings.Fields(line))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w: %s", path, i+1, err, line)
		}
		for _, other := range out.lines {
			if other.key() == r.key() && other.since <= r.until && r.since <= other.until {
				return nil, fmt.Errorf("%s:%d: said twice: %s", path, i+1, line)
			}
		}
		out.lines = append(out.lines, r)
	}
	return out, nil
}

func parseRule(words []string) (*rule, error) {
	r := &rule{since: 0, until: math.MaxInt}
	for len(words) > 2 {
		limit := map[string]*int{"since": &r.since, "until": &r.until}[words[len(words)-2]]
		if limit == nil {
			break
		}
		minor, err := minorOf("v" + words[len(words)-1] + ".0")
		if err != nil {
			return nil, err
		}
		*limit, words = minor, words[:len(words)-2]
	}
	r.verb = words[0]
	if r.verb == "values" && len(words) == 5 {
		r.values = strings.Split(words[2], ",")
		slices.Sort(r.values)
		words = append(words[:2:2], words[3:]...)
	}
	if len(words) != 4 || (r.verb == "values") != (r.values != nil) ||
		!slices.Contains([]string{"closed", "open", "values", "required", "optional", "unchecked"}, r.verb) {
		return nil, errors.New("not understood")
	}
	r.subject, r.file, r.word = "io.k8s."+words[1], words[2], words[3]
	return r, nil
}

// A subject can have one rule about its values, one about being required, one about its gate.
func (r *rule) key() string {
	if r.verb == "unchecked" {
		return "gate " + r.subject
	}
	if r.verb == "required" || r.verb == "optional" {
		return "presence " + r.subject
	}
	return "values " + r.subject
}

func (r *rule) holds(minor int) bool { return r.since <= minor && minor <= r.until }

// begin turns to a release. It checks that the named files, MODULE/PATH, hold the named words.
func (rs *rules) begin(m *modules) error {
	minor, err := minorOf(m.main)
	if err != nil {
		return err
	}
	rs.minor = minor
	texts := map[string]string{}
	var faults []error
	for _, r := range rs.lines {
		if !r.holds(minor) {
			continue
		}
		if _, ok := texts[r.file]; !ok {
			module, path, _ := strings.Cut(r.file, "/")
			root, err := m.folder(module)
			if err != nil {
				return err
			}
			data, err := os.ReadFile(filepath.Join(root, path))
			if err != nil {
				return err
			}
			texts[r.file] = string(data)
		}
		if !strings.Contains(texts[r.file], r.word) {
			faults = append(faults, fmt.Errorf("`%s %s`: %s does not mention %s", r.verb, r.subject, r.file, r.word))
		}
	}
	return errors.Join(faults...)
}

func (rs *rules) take(key string) *rule {
	for _, r := range rs.lines {
		if r.key() == key && r.holds(rs.minor) {
			r.used = true
			return r
		}
	}
	return nil
}

func (rs *rules) required(object, field string, said bool) bool {
	if r := rs.take("presence " + object + "." + field); r != nil {
		return r.verb == "required"
	}
	return said
}

func (rs *rules) unchecked(object, field string) bool {
	return rs.take("gate "+object+"."+field) != nil
}

func (rs *rules) values(subject string) ([]string, bool) {
	if r := rs.take("values " + subject); r != nil && r.verb == "values" {
		return r.values, true
	}
	return nil, false
}

func (rs *rules) closed(typ string, tagged bool) bool {
	if r := rs.take("values " + typ); r != nil {
		return r.verb == "closed"
	}
	return tagged
}

func (rs *rules) allUsed() error {
	for _, r := range rs.lines {
		if !r.used {
			return fmt.Errorf("`%s %s` concerns nothing", r.verb, r.subject)
		}
	}
	return nil
}
