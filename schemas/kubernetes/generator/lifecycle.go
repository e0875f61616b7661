package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// lifecycles reads zz_generated.prerelease-lifecycle.go of every API version of k8s.io/api.
func lifecycles(m *modules) (map[Lifecycle]uint8, error) {
	root, err := m.folder("api")
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(root, "*", "*", "zz_generated.prerelease-lifecycle.go"))
	if err != nil {
		return nil, err
	}
	out := map[Lifecycle]uint8{}
	for _, file := range files {
		folder := filepath.Dir(file)
		group, err := groupName(folder)
		if err != nil {
			return nil, err
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return nil, err
		}
		for _, l := range fileLifecycles(tree) {
			l.group, l.version = group, filepath.Base(folder)
			// Lists follow their items.
			if !strings.HasSuffix(l.kind, "List") && (l.deprecated != 0 || l.removed != 0 || l.introduced != 0) {
				out[l] = 1
			}
		}
	}
	return out, nil
}

// groupName reads `const GroupName = ".."` of a register.go.
func groupName(folder string) (string, error) {
	data, err := os.ReadFile(filepath.Join(folder, "register.go"))
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(string(data), "GroupName = \"")
	name, _, _ := strings.Cut(rest, "\"")
	return name, nil
}

func fileLifecycles(tree *ast.File) map[string]Lifecycle {
	byKind := map[string]Lifecycle{}
	for _, decl := range tree.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Recv == nil {
			continue
		}
		kind := f.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name
		l := byKind[kind]
		l.kind = kind
		ret := f.Body.List[0].(*ast.ReturnStmt)
		switch f.Name.Name {
		case "APILifecycleIntroduced":
			l.introduced = number(ret.Results[1])
		case "APILifecycleDeprecated":
			l.deprecated = number(ret.Results[1])
		case "APILifecycleRemoved":
			l.removed = number(ret.Results[1])
		case "APILifecycleReplacement":
			for _, e := range ret.Results[0].(*ast.CompositeLit).Elts {
				pair := e.(*ast.KeyValueExpr)
				text, _ := strconv.Unquote(pair.Value.(*ast.BasicLit).Value)
				switch pair.Key.(*ast.Ident).Name {
				case "Group":
					l.newGroup = text
				case "Version":
					l.newVersion = text
				case "Kind":
					l.newKind = text
				}
			}
		}
		byKind[kind] = l
	}
	return byKind
}

func number(e ast.Expr) int {
	n, _ := strconv.Atoi(e.(*ast.BasicLit).Value)
	return n
}
