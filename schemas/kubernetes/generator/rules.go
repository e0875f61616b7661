package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// rules is rules.txt: what the server checks in code, so that neither OpenAPI nor a
// tag on a type tells it. Each line names the file and a word of it that holds the rule,
// and the generator refuses to go on when a release no longer has them.
type rules struct {
	lines map[string]*rule
}

type rule struct {
	verb, subject, file, word string
	values                    []string
	used                      bool
}

// readRules reads lines of the form
//
//	closed TYPE FILE WORD            all constants of the type, and no others
//	open TYPE FILE WORD              although tagged +enum, other values are accepted
//	values TYPE|FIELD a,b FILE WORD  exactly these
//	required FIELD FILE WORD         although OpenAPI calls it optional
//	optional FIELD FILE WORD         although OpenAPI calls it required
//
// `io.k8s.` is left out of names.
func readRules(path string) (*rules, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	out := &rules{map[string]*rule{}}
	for i, line := range strings.Split(string(data), "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		r := &rule{verb: words[0]}
		if r.verb == "values" && len(words) == 5 {
			r.values = strings.Split(words[2], ",")
			slices.Sort(r.values)
			words = append(words[:2:2], words[3:]...)
		}
		if len(words) != 4 || (r.verb == "values") != (r.values != nil) ||
			!slices.Contains([]string{"closed", "open", "values", "required", "optional"}, r.verb) {
			return nil, fmt.Errorf("%s:%d: not understood: %s", path, i+1, line)
		}
		r.subject, r.file, r.word = "io.k8s."+words[1], words[2], words[3]
		if out.lines[r.key()] != nil {
			return nil, fmt.Errorf("%s:%d: said twice: %s", path, i+1, line)
		}
		out.lines[r.key()] = r
	}
	return out, nil
}

// A subject can have one rule about its values and one about being required.
func (r *rule) key() string {
	if r.verb == "required" || r.verb == "optional" {
		return "presence " + r.subject
	}
	return "values " + r.subject
}

// verify checks that the named files, MODULE/PATH, still hold the named words.
func (rs *rules) verify(m *modules) error {
	texts := map[string]string{}
	for _, r := range rs.lines {
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
			return fmt.Errorf("`%s %s`: %s does not mention %s", r.verb, r.subject, r.file, r.word)
		}
	}
	return nil
}

func (rs *rules) take(key string) *rule {
	r := rs.lines[key]
	if r != nil {
		r.used = true
	}
	return r
}

func (rs *rules) required(object, field string, said bool) bool {
	if r := rs.take("presence " + object + "." + field); r != nil {
		return r.verb == "required"
	}
	return said
}

func (rs *rules) values(subject string) ([]string, bool) {
	if r := rs.lines["values "+subject]; r != nil && r.verb == "values" {
		r.used = true
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
