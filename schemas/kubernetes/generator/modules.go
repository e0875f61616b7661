package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// modules knows where the Go modules of one release of Kubernetes lie on this machine.
type modules struct {
	main    string // version of k8s.io/kubernetes, v1.37.0
	folders map[string]string
}

// folder returns the source folder of a module of k8s.io, downloading it at need.
func (m *modules) folder(name string) (string, error) {
	if dir, ok := m.folders[name]; ok {
		return dir, nil
	}
	version := m.main
	if name != "kubernetes" {
		version = "v0" + strings.TrimPrefix(m.main, "v1")
	}
	dir, err := download("k8s.io/" + name + "@" + version)
	if err != nil {
		return "", err
	}
	m.folders[name] = dir
	return dir, nil
}

func download(module string) (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", module)
	// Outside every module, so that no go.mod has a say in the version.
	cmd.Dir = os.TempDir()
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	var out bytes.Buffer
	cmd.Stdout = &out
	cmd.Stderr = os.Stderr
	runErr := cmd.Run()
	var answer struct{ Dir, Error string }
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		return "", fmt.Errorf("go mod download %s: %v", module, runErr)
	}
	if answer.Error != "" || answer.Dir == "" {
		return "", fmt.Errorf("go mod download %s: %s", module, answer.Error)
	}
	return answer.Dir, nil
}
