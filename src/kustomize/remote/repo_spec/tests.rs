//! The table of kustomize's own tests (api/internal/git, 0.21.1), and what it leaves out.

use super::*;

/// Address, host, repository, folder, reference.
const ADDRESSES: &[[&str; 5]] = &[
    [
        "https://git-codecommit.us-east-2.amazonaws.com/someorg/somerepo/somedir",
        "https://git-codecommit.us-east-2.amazonaws.com/",
        "someorg/somerepo",
        "somedir",
        "",
    ],
    [
        "https://git-codecommit.us-east-2.amazonaws.com/someorg/somerepo/somedir?ref=testbranch",
        "https://git-codecommit.us-east-2.amazonaws.com/",
        "someorg/somerepo",
        "somedir",
        "testbranch",
    ],
    [
        "https://fabrikops2.visualstudio.com/someorg/somerepo?ref=master",
        "https://fabrikops2.visualstudio.com/",
        "someorg/somerepo",
        "",
        "master",
    ],
    [
        "http://github.com/someorg/somerepo/somedir",
        "https://github.com/",
        "someorg/somerepo",
        "somedir",
        "",
    ],
    [
        "git@github.com:someorg/somerepo/somedir",
        "git@github.com:",
        "someorg/somerepo",
        "somedir",
        "",
    ],
    [
        "http://github.com/someorg/somerepo.git/somedir",
        "https://github.com/",
        "someorg/somerepo.git",
        "somedir",
        "",
    ],
    [
        "git@github.com:someorg/somerepo.git/somedir",
        "git@github.com:",
        "someorg/somerepo.git",
        "somedir",
        "",
    ],
    [
        "git@gitlab2.sqtools.ru:infra/kubernetes/thanos-base.git?ref=v0.1.0",
        "git@gitlab2.sqtools.ru:",
        "infra/kubernetes/thanos-base.git",
        "",
        "v0.1.0",
    ],
    [
        "git@bitbucket.org:company/project.git//path?ref=branch",
        "git@bitbucket.org:",
        "company/project.git",
        "path",
        "branch",
    ],
    [
        "git@bitbucket.org/company/project.git//path?ref=branch",
        "git@bitbucket.org/",
        "company/project.git",
        "path",
        "branch",
    ],
    [
        "ssh://git@bitbucket.org/company/project.git//path?ref=branch",
        "ssh://git@bitbucket.org/",
        "company/project.git",
        "path",
        "branch",
    ],
    [
        "https://itfs.mycompany.com/collection/project/_git/somerepos",
        "https://itfs.mycompany.com/",
        "collection/project/_git/somerepos",
        "",
        "",
    ],
    [
        "https://itfs.mycompany.com/collection/project/_git/somerepos?version=v1.0.0",
        "https://itfs.mycompany.com/",
        "collection/project/_git/somerepos",
        "",
        "v1.0.0",
    ],
    [
        "https://itfs.mycompany.com/collection/project/_git/somerepos/somedir?version=v1.0.0",
        "https://itfs.mycompany.com/",
        "collection/project/_git/somerepos",
        "somedir",
        "v1.0.0",
    ],
    [
        "git::https://itfs.mycompany.com/collection/project/_git/somerepos",
        "https://itfs.mycompany.com/",
        "collection/project/_git/somerepos",
        "",
        "",
    ],
    [
        "https://bitbucket.example.com/scm/project/repository.git",
        "https://bitbucket.example.com/",
        "scm/project/repository.git",
        "",
        "",
    ],
    [
        "ssh://git-codecommit.us-east-2.amazonaws.com/someorg/somerepo/somepath",
        "ssh://git-codecommit.us-east-2.amazonaws.com/",
        "someorg/somerepo",
        "somepath",
        "",
    ],
    [
        "git@github.com/someorg/somerepo/somepath",
        "git@github.com:",
        "someorg/somerepo",
        "somepath",
        "",
    ],
    [
        "https://github.com/kubernetes-sigs/kustomize//examples/multibases/dev/?ref=v1.0.6",
        "https://github.com/",
        "kubernetes-sigs/kustomize",
        "examples/multibases/dev/",
        "v1.0.6",
    ],
    [
        "file://a/b/c/someRepo.git/somepath?ref=someBranch",
        "file://",
        "a/b/c/someRepo.git",
        "somepath",
        "someBranch",
    ],
    [
        "file://a/b/c/someRepo//somepath?ref=someBranch",
        "file://",
        "a/b/c/someRepo",
        "somepath",
        "someBranch",
    ],
    [
        "file://a/b/c/someRepo?ref=someBranch",
        "file://",
        "a/b/c/someRepo",
        "",
        "someBranch",
    ],
    [
        "file:///a/b/c/someRepo?ref=someBranch",
        "file://",
        "/a/b/c/someRepo",
        "",
        "someBranch",
    ],
    [
        "ssh://git@github.com/kubernetes-sigs/kustomize//examples/multibases/dev?ref=v1.0.6",
        "git@github.com:",
        "kubernetes-sigs/kustomize",
        "examples/multibases/dev",
        "v1.0.6",
    ],
    [
        "file:///a/b/c/someRepo",
        "file://",
        "/a/b/c/someRepo",
        "",
        "",
    ],
    ["file:///", "file://", "/", "", ""],
    [
        "https://example.org/path/to/repo//examples/multibases/dev",
        "https://example.org/",
        "path/to/repo",
        "examples/multibases/dev",
        "",
    ],
    [
        "https://example.org/path/to/repo.git/examples/multibases/dev",
        "https://example.org/",
        "path/to/repo.git",
        "examples/multibases/dev",
        "",
    ],
    [
        "ssh://alice@example.com/path/to/repo//examples/multibases/dev",
        "ssh://alice@example.com/",
        "path/to/repo",
        "examples/multibases/dev",
        "",
    ],
    [
        "https://authority/org/repo?ref=group/version",
        "https://authority/",
        "org/repo",
        "",
        "group/version",
    ],
    [
        "https://authority/org/repo/?ref=includes_git/for_some_reason",
        "https://authority/",
        "org/repo",
        "",
        "includes_git/for_some_reason",
    ],
    [
        "https://authority/org/repo/?ref=includes.git/for_some_reason",
        "https://authority/",
        "org/repo",
        "",
        "includes.git/for_some_reason",
    ],
    [
        "https://authority/org/repo/%-invalid-uri-so-not-parsable-by-net/url.Parse",
        "https://authority/",
        "org/repo",
        "%-invalid-uri-so-not-parsable-by-net/url.Parse",
        "",
    ],
    [
        "ssh://myusername@bitbucket.org/ourteamname/ourrepositoryname.git//path?ref=branch",
        "ssh://myusername@bitbucket.org/",
        "ourteamname/ourrepositoryname.git",
        "path",
        "branch",
    ],
    [
        "file://git@home/path/to/repository.git//path?ref=branch",
        "file://",
        "git@home/path/to/repository.git",
        "path",
        "branch",
    ],
    [
        "http://git@home.com/path/to/repository.git//path?ref=branch",
        "http://git@home.com/",
        "path/to/repository.git",
        "path",
        "branch",
    ],
    [
        "https://git@home.com/path/to/repository.git//path?ref=branch",
        "https://git@home.com/",
        "path/to/repository.git",
        "path",
        "branch",
    ],
    [
        "ssh://git@ssh.github.com:443/YOUR-USERNAME/YOUR-REPOSITORY.git",
        "ssh://git@ssh.github.com:443/",
        "YOUR-USERNAME/YOUR-REPOSITORY.git",
        "",
        "",
    ],
    [
        "git@gitlab.com/user:name/YOUR-REPOSITORY.git/path",
        "git@gitlab.com/",
        "user:name/YOUR-REPOSITORY.git",
        "path",
        "",
    ],
    [
        "git@gitlab.com:gitlab-tests/sample-project.git",
        "git@gitlab.com:",
        "gitlab-tests/sample-project.git",
        "",
        "",
    ],
    [
        "git@gitlab.com:gitlab-tests/sample-project",
        "git@gitlab.com:",
        "gitlab-tests/sample-project",
        "",
        "",
    ],
    [
        "https://username@dev.azure.com/org/project/_git/repo//path/to/kustomization/root",
        "https://username@dev.azure.com/",
        "org/project/_git/repo",
        "path/to/kustomization/root",
        "",
    ],
    [
        "https://org.visualstudio.com/project/_git/repo/path/to/kustomization/root",
        "https://org.visualstudio.com/",
        "project/_git/repo",
        "path/to/kustomization/root",
        "",
    ],
    [
        "ssh://org-12345@github.com/kubernetes-sigs/kustomize",
        "org-12345@github.com:",
        "kubernetes-sigs/kustomize",
        "",
        "",
    ],
    [
        "org-12345@github.com/kubernetes-sigs/kustomize",
        "org-12345@github.com:",
        "kubernetes-sigs/kustomize",
        "",
        "",
    ],
    [
        "git@gist.github.com:bc7947cb727d7f9217e7862d961a1ffd.git",
        "git@gist.github.com:",
        "bc7947cb727d7f9217e7862d961a1ffd.git",
        "",
        "",
    ],
    [
        "https://gist.github.com/bc7947cb727d7f9217e7862d961a1ffd.git",
        "https://gist.github.com/",
        "bc7947cb727d7f9217e7862d961a1ffd.git",
        "",
        "",
    ],
];

#[test]
fn addresses_are_taken_apart() {
    for [raw, host, repo, path, reference] in ADDRESSES {
        let spec = RepoSpec::parse(raw).expect(raw);
        assert_eq!(spec.host, *host, "{raw}");
        assert_eq!(spec.repo, *repo, "{raw}");
        assert_eq!(spec.path, *path, "{raw}");
        assert_eq!(spec.reference, *reference, "{raw}");
        assert_eq!(spec.address(), format!("{host}{repo}"));
    }
}

#[test]
fn every_form_goes_with_every_host() {
    let hosts = [
        ("gitHub.com/", "https://github.com/"),
        ("github.com:", "https://github.com/"),
        ("http://github.com/", "https://github.com/"),
        ("hTTps://github.com/", "https://github.com/"),
        ("ssh://git.example.com:7999/", "ssh://git.example.com:7999/"),
        ("git::https://gitlab.com/", "https://gitlab.com/"),
        ("git::http://git.example.com/", "http://git.example.com/"),
        ("git@github.com:", "git@github.com:"),
        ("git@github.com/", "git@github.com:"),
        ("git::git@github.com:", "git@github.com:"),
        ("org-12345@github.com/", "org-12345@github.com:"),
    ];
    for (written, host) in hosts {
        for path in ["", "README.md", "foo/krusty.txt"] {
            for reference in ["", "group/version", "v0.1.0"] {
                let slash = if path.is_empty() { "" } else { "/" };
                let query = if reference.is_empty() { "" } else { "?ref=" };
                let raw = format!("{written}someOrg/someRepo{slash}{path}{query}{reference}");
                let spec = RepoSpec::parse(&raw).expect(&raw);
                assert_eq!(
                    (spec.host.as_str(), spec.repo.as_str()),
                    (host, "someOrg/someRepo")
                );
                assert_eq!(
                    (spec.path.as_str(), spec.reference.as_str()),
                    (path, reference)
                );
            }
        }
    }
}

#[test]
fn what_is_no_repository_is_told_apart() {
    for raw in [
        "/tmp",
        "../../tmp",
        "a.yaml",
        "src/github.com/org/repo/path",
        "iauhsdiuashduas",
        "htxxxtp://github.com/",
        "ssh://git.example.com",
        "git::___",
        "https://host?ref=group/version/minor_version",
        "https://github.com/org/repo.git//path/../../exits/repo",
        "github.com!org/repo.git//path",
        "gh:org/repo",
        "https://github.com/thisisa404.yaml",
        "file:////tmp//path/to/whatever",
        "git@scp://github.com/org/repo.git//path",
        "git@ssh://github.com/org/repo.git//path",
    ] {
        assert!(RepoSpec::parse(raw).is_err(), "{raw}");
    }
}

#[test]
fn queries_are_read() {
    let default = DEFAULT_TIMEOUT;
    for (text, reference, submodules, timeout) in [
        ("", "", true, default),
        ("ref=v1.0.0", "v1.0.0", true, default),
        ("ref=kustomize%2Fv4.5.7", "kustomize/v4.5.7", true, default),
        ("version=master", "master", true, default),
        ("version=master&ref=v1.0.0", "v1.0.0", true, default),
        ("version=master&submodules=", "master", true, default),
        ("version=master&submodules=maybe", "master", true, default),
        ("ref=a&submodules=false", "a", false, default),
        ("ref=a&timeout=", "a", true, default),
        ("ref=a&timeout=jiffy", "a", true, default),
        ("ref=a&timeout=0", "a", true, default),
        ("ref=a&timeout=0s", "a", true, default),
        ("ref=a&timeout=61", "a", true, Duration::from_secs(61)),
        ("ref=a&timeout=1m1s", "a", true, Duration::from_secs(61)),
        // One pair that is not well-formed spoils all of them.
        ("ref=a&x=%zz", "", true, default),
    ] {
        let query = Query::parse(text);
        let want = Query {
            reference: reference.to_owned(),
            timeout,
            submodules,
        };
        assert_eq!(query, want, "{text}");
    }
}

#[test]
fn messages_show_a_short_form() {
    for (raw, want) in [
        (
            "https://github.com/org/repo//a/b?ref=v1",
            "github.com/org/repo@v1/a/b",
        ),
        ("git@github.com:org/repo", "git@github.com:org/repo@HEAD"),
        ("file:///srv/repo", "/srv/repo@HEAD"),
    ] {
        assert_eq!(RepoSpec::parse(raw).unwrap().shown(), want);
    }
}
