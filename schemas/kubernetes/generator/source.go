package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"sort"
	"strconv"
	"strings"
)

// source answers what OpenAPI leaves out, from the Go types themselves: which fields are
// pointers, which strings are of a type with a closed set of values, which fields the
// declarative validation demands.
type source struct {
	modules  *modules
	packages map[string]*goPackage
}

type goPackage struct {
	path   string
	types  map[string]*goType
	consts map[string]goConst
}

type goType struct {
	pkg  *goPackage
	file *ast.File
	spec *ast.TypeSpec
	doc  string
}

type goConst struct{ typ, value string }

// goField is a field as JSON knows it, with embedded structs flattened.
type goField struct {
	pkg      *goPackage
	file     *ast.File
	expr     ast.Expr
	pointer  bool
	required bool // +k8s:required
}

// definition splits a name of OpenAPI: io.k8s.api.core.v1.Pod -> api, core/v1, Pod.
func definition(name string) (module, folder, typ string) {
	parts := strings.Split(strings.TrimPrefix(name, "io.k8s."), ".")
	return parts[0], strings.Join(parts[1:len(parts)-1], "/"), parts[len(parts)-1]
}

// pack parses a package, given as its import path without `k8s.io/`.
func (s *source) pack(path string) (*goPackage, error) {
	if p, ok := s.packages[path]; ok {
		return p, nil
	}
	module, folder, _ := strings.Cut(path, "/")
	root, err := s.modules.folder(module)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no Go files of package k8s.io/%s in %s", path, root)
	}
	p := &goPackage{path: path, types: map[string]*goType{}, consts: map[string]goConst{}}
	s.packages[path] = p
	for _, file := range files {
		name := filepath.Base(file)
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "zz_generated") || strings.HasPrefix(name, "generated.") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		p.add(tree)
	}
	return p, nil
}

func (p *goPackage) add(file *ast.File) {
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range gen.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				doc := spec.Doc
				if doc == nil {
					doc = gen.Doc
				}
				p.types[spec.Name.Name] = &goType{p, file, spec, commentText(doc)}
			case *ast.ValueSpec:
				p.addConsts(spec)
			}
		}
	}
}

func (p *goPackage) addConsts(spec *ast.ValueSpec) {
	for i, name := range spec.Names {
		if i >= len(spec.Values) {
			return
		}
		value := spec.Values[i]
		typ := ""
		if id, ok := spec.Type.(*ast.Ident); ok {
			typ = id.Name
		}
		// A = T("x")
		if call, ok := value.(*ast.CallExpr); ok && len(call.Args) == 1 {
			if id, ok := call.Fun.(*ast.Ident); ok {
				typ, value = id.Name, call.Args[0]
			}
		}
		lit, ok := value.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING || typ == "" {
			continue
		}
		if text, err := strconv.Unquote(lit.Value); err == nil {
			p.consts[name.Name] = goConst{typ, text}
		}
	}
}

func commentText(doc *ast.CommentGroup) string {
	if doc == nil {
		return ""
	}
	var b strings.Builder
	for _, c := range doc.List {
		b.WriteString(c.Text + "\n")
	}
	return b.String()
}

// values returns the constants of a string type, sorted.
func (p *goPackage) values(typ string) []string {
	var out []string
	for _, c := range p.consts {
		if c.typ == typ {
			out = append(out, c.value)
		}
	}
	sort.Strings(out)
	return compact(out)
}

func compact(sorted []string) []string {
	var out []string
	for i, s := range sorted {
		if i == 0 || s != sorted[i-1] {
			out = append(out, s)
		}
	}
	return out
}

// resolve follows a type expression to its declaration; nil for built-in types.
func (s *source) resolve(pkg *goPackage, file *ast.File, expr ast.Expr) (*goType, error) {
	switch e := expr.(type) {
	case *ast.Ident:
		t := pkg.types[e.Name]
		if t != nil && t.spec.Assign.IsValid() {
			return s.resolve(t.pkg, t.file, t.spec.Type)
		}
		return t, nil
	case *ast.SelectorExpr:
		alias := e.X.(*ast.Ident).Name
		for _, imp := range file.Imports {
			path, _ := strconv.Unquote(imp.Path.Value)
			name := filepath.Base(path)
			if imp.Name != nil {
				name = imp.Name.Name
			}
			if name != alias || !strings.HasPrefix(path, "k8s.io/") {
				continue
			}
			other, err := s.pack(strings.TrimPrefix(path, "k8s.io/"))
			if err != nil {
				return nil, err
			}
			return s.resolve(other, nil, ast.NewIdent(e.Sel.Name))
		}
	}
	return nil, nil
}

// fields returns the JSON fields of a definition, or nil where it is no struct.
func (s *source) fields(name string) (map[string]goField, error) {
	module, folder, typ := definition(name)
	pkg, err := s.pack(module + "/" + folder)
	if err != nil {
		return nil, err
	}
	t := pkg.types[typ]
	if t == nil {
		return nil, fmt.Errorf("no Go type for %s", name)
	}
	out := map[string]goField{}
	return out, s.collect(t, out)
}

func (s *source) collect(t *goType, out map[string]goField) error {
	structure, ok := t.spec.Type.(*ast.StructType)
	if !ok {
		// type A B: the fields are those of B.
		inner, err := s.resolve(t.pkg, t.file, t.spec.Type)
		if err != nil || inner == nil {
			return err
		}
		return s.collect(inner, out)
	}
	for _, field := range structure.Fields.List {
		tag := ""
		if field.Tag != nil {
			text, _ := strconv.Unquote(field.Tag.Value)
			tag = reflect.StructTag(text).Get("json")
		}
		name, options, _ := strings.Cut(tag, ",")
		expr, pointer := field.Type, false
		if star, ok := expr.(*ast.StarExpr); ok {
			expr, pointer = star.X, true
		}
		if name == "" && (len(field.Names) == 0 || strings.Contains(options, "inline")) {
			inner, err := s.resolve(t.pkg, t.file, expr)
			if err != nil {
				return err
			}
			if inner != nil {
				if err := s.collect(inner, out); err != nil {
					return err
				}
			}
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		out[name] = goField{
			pkg: t.pkg, file: t.file, expr: expr, pointer: pointer,
			required: hasTag(commentText(field.Doc), "+k8s:required"),
		}
	}
	return nil
}

// named returns the string type that a field holds, looking through lists and maps.
func (s *source) named(f goField) (*goType, error) {
	expr := f.expr
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.ArrayType:
			expr = e.Elt
		case *ast.MapType:
			expr = e.Value
		default:
			t, err := s.resolve(f.pkg, f.file, expr)
			if err != nil || t == nil {
				return nil, err
			}
			if id, ok := t.spec.Type.(*ast.Ident); !ok || id.Name != "string" {
				return nil, nil
			}
			return t, nil
		}
	}
}

func (t *goType) name() string {
	return "io.k8s." + strings.ReplaceAll(t.pkg.path, "/", ".") + "." + t.spec.Name.Name
}

func (t *goType) isEnum() bool {
	return hasTag(t.doc, "+enum") || hasTag(t.doc, "+k8s:enum")
}

func hasTag(doc, tag string) bool {
	for _, line := range strings.Split(doc, "\n") {
		if strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "//")) == tag {
			return true
		}
	}
	return false
}
