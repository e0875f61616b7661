// The generator writes the schema tables of deployx from the Go modules of Kubernetes:
// tables.txt, which people read and review, and tables.bin, which the binary holds.
//
// Every release that the tables know is read anew, so the result depends on the named
// modules alone. Nothing is taken from a file that the generator itself wrote, except
// the list of releases.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

func main() {
	dir := flag.String("dir", ".", "folder that holds tables.txt, tables.bin and rules.txt")
	check := flag.Bool("check", false, "compare with the files in the folder instead of writing them")
	flag.Parse()
	if err := run(*dir, *check, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(dir string, check bool, added []string) error {
	text := filepath.Join(dir, "tables.txt")
	releases, err := knownReleases(text)
	if err != nil {
		return err
	}
	for _, release := range added {
		minor, err := minorOf(release)
		if err != nil {
			return err
		}
		releases[minor] = release
	}
	if len(releases) == 0 {
		return fmt.Errorf("name a release, for example v1.37.0")
	}
	if len(releases) > maxVersions {
		return fmt.Errorf("%d releases, the tables hold %d: take the oldest `release` line out of %s", len(releases), maxVersions, text)
	}
	rules, err := readRules(filepath.Join(dir, "rules.txt"))
	if err != nil {
		return err
	}
	var minors []int
	for minor := range releases {
		minors = append(minors, minor)
	}
	sort.Ints(minors)
	all := &Tables{}
	for bit, minor := range minors {
		one, err := readRelease(releases[minor], rules)
		if err != nil {
			return fmt.Errorf("%s: %w", releases[minor], err)
		}
		all.merge(one, releases[minor], minor, uint(bit))
	}
	if err := rules.allUsed(); err != nil {
		return err
	}
	binary, err := encode(all)
	if err != nil {
		return err
	}
	for _, file := range []struct {
		path string
		data []byte
	}{{text, []byte(all.text())}, {filepath.Join(dir, "tables.bin"), binary}} {
		if !check {
			if err := os.WriteFile(file.path, file.data, 0o644); err != nil {
				return err
			}
			continue
		}
		old, err := os.ReadFile(file.path)
		if err != nil {
			return err
		}
		if !bytes.Equal(old, file.data) {
			return fmt.Errorf("%s is not what the generator writes; run schemas/kubernetes/generate", file.path)
		}
	}
	return nil
}

// knownReleases reads the `release` lines of tables.txt: minor version -> module version.
func knownReleases(path string) (map[int]string, error) {
	releases := map[int]string{}
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return releases, nil
	}
	if err != nil {
		return nil, err
	}
	for _, line := range strings.Split(string(data), "\n") {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "release" {
			continue
		}
		minor, err := minorOf(words[2])
		if err != nil {
			return nil, err
		}
		releases[minor] = words[2]
	}
	return releases, nil
}

func minorOf(release string) (int, error) {
	parts := strings.Split(release, ".")
	if len(parts) == 3 && parts[0] == "v1" {
		if minor, err := strconv.Atoi(parts[1]); err == nil {
			return minor, nil
		}
	}
	return 0, fmt.Errorf("`%s` is no release of Kubernetes, such as v1.37.0", release)
}
