"""What is accepted as a git remote, a branch, a tag pattern and an API address, and what is refused, in words."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projects.remotes import (
    Remote,
    UnsafeRemote,
    check_api_url,
    check_branch,
    check_tag_pattern,
    commit_url,
    compare_url,
    git_host_of_api,
    parse_remote,
    repository_of,
    same_host,
    web_url,
)
from projects.tag_globs import tag_matcher

SHA = "0123456789abcdef0123456789abcdef01234567"


def parse(text: str, insecure_hosts: frozenset[str] = frozenset()) -> Remote:
    return parse_remote(text, insecure_hosts=insecure_hosts)


def refusal(text: str) -> str:
    with pytest.raises(UnsafeRemote) as caught:
        parse(text)
    return str(caught.value)


# --- remotes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://github.com/artsy/candela.git", "https://github.com/artsy/candela.git"),
        ("https://github.com/artsy/candela/", "https://github.com/artsy/candela"),
        ("HTTPS://GitHub.com:443/artsy/Candela", "https://github.com/artsy/Candela"),
        ("git@github.com:artsy/candela.git", "ssh://git@github.com/artsy/candela.git"),
        ("git@github.com:/artsy/candela.git", "ssh://git@github.com/artsy/candela.git"),
        ("ssh://git@github.com:22/artsy/candela.git", "ssh://git@github.com/artsy/candela.git"),
        ("ssh://git.example.com:2222/~ana/candela.git", "ssh://git.example.com:2222/~ana/candela.git"),
        ("https://git.heroku.com/app.git", "https://git.heroku.com/app.git"),
        ("https://gitlab.example.com/group/sub/app.git", "https://gitlab.example.com/group/sub/app.git"),
        ("https://dev.azure.com/org/My%20Project/_git/app", "https://dev.azure.com/org/My%20Project/_git/app"),
        ("https://[::1]:8443/a/b", "https://[::1]:8443/a/b"),
        ("ssh://git@[2001:DB8::0:1]/a/b", "ssh://git@[2001:db8::1]/a/b"),
        ("https://xn--bcher-kva.example/a/b", "https://xn--bcher-kva.example/a/b"),
        ("https://git_server:8443/a/b", "https://git_server:8443/a/b"),
    ],
)
def test_remotes_have_one_spelling(text: str, url: str) -> None:
    assert parse(text).url == url
    assert parse(url).url == url


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("ext::sh -c whoami", "spaces"),
        ("ext::whoami", "must begin with https://"),
        ("git@ext::whoami:x", "path may hold"),
        ("file:///etc/passwd", "must begin with https://"),
        ("/srv/git/app.git", "must begin with https://"),
        ("../app.git", "must begin with https://"),
        ("git://github.com/artsy/candela.git", "must begin with https://"),
        ("ftp://github.com/artsy/candela.git", "must begin with https://"),
        ("javascript:alert(1)//github.com", "must begin with https://"),
        ("github.com/artsy/candela", "must begin with https://"),
        ("-oProxyCommand=whoami", "begin with a hyphen"),
        ("ssh://-oProxyCommand=whoami/x", "no valid host name"),
        ("ssh://git@-oProxyCommand=whoami/x", "no valid host name"),
        ("git@-oProxyCommand=whoami:x", "no valid host name"),
        ("-oProxyCommand@host:x", "begin with a hyphen"),
        ("ssh://-l@host/x", "user before the @"),
        ("https://ana:hunter2@github.com/a/b", "user name, password or token"),
        ("https://hunter2@github.com/a/b", "user name, password or token"),
        ("ssh://git:hunter2@github.com/a/b", "user name, password or token"),
        ("https://github.com@evil.example/a/b", "user name, password or token"),
        ("https://github.com/a b/c", "spaces"),
        (" https://github.com/a/b", "spaces"),
        ("https://github.com/a/b\n", "line breaks"),
        ("https://github.com/a/\x00b", "control characters"),
        ("https://github.com/a/\u202eb", "control characters"),
        ("https://github.com/\u00a0a/b", "spaces"),
        ("https:\\\\github.com\\a\\b", "backslash"),
        ("https://github.com/a/b?ref=x", "? or #"),
        ("https://github.com/a/b#readme", "? or #"),
        ("https://github.com/" + "a" * 10_000, "longer than 2000"),
        ("https:///a/b", "host is missing"),
        ("https://:443/a/b", "host is missing"),
        ("https://github.com", "path is missing"),
        ("https://github.com/", "path is missing"),
        ("https://github.com/a/../b", "/../"),
        ("https://github.com/./a", "/./"),
        ("https://github.com//a", "//"),
        ("https://github.com/-a/b", "begin with a hyphen"),
        ("https://github.com/a%2e%2e/b", "path may hold"),
        ("https://github.com/a%2Fb", "path may hold"),
        ("https://github.com/a%00b", "path may hold"),
        ("https://github.com/a%0ab", "path may hold"),
        ("https://github.com/a%", "path may hold"),
        ("ssh://git@host/a%20b", "path may hold"),
        ("git@host:a;whoami", "path may hold"),
        ("git@host:$(whoami)", "path may hold"),
        ("https://github.com:0/a", "port"),
        ("https://github.com:65536/a", "port"),
        ("https://github.com:/a", "port"),
        ("https://github.com:+80/a", "port"),
        ("https://github.com:٤٤٣/a", "port"),
        ("https://github.com./a", "no valid host name"),
        ("https://git..hub/a", "no valid host name"),
        ("https://github-.com/a", "no valid host name"),
        ("https://" + "a" * 64 + ".com/a", "no valid host name"),
        ("https://g\u0456thub.com/a/b", "not ASCII"),
        ("https://\uff47ithub.com/a/b", "not ASCII"),
        ("https://[::1/a", "no valid host name"),
        ("https://[1:2]/a", "no IPv6 address"),
        ("http://github.com/a/b", "HORIZON_INSECURE_HOSTS"),
    ],
)
def test_what_is_not_plainly_a_remote_is_refused(text: str, words: str) -> None:
    said = refusal(text)

    assert words in said
    assert "hunter2" not in said
    assert "whoami" not in said


def test_plain_http_is_for_named_hosts_only() -> None:
    insecure = frozenset({"127.0.0.1", "LocalHost", "[::1]"})

    assert parse("http://127.0.0.1:8080/a/b", insecure).url == "http://127.0.0.1:8080/a/b"
    assert parse("http://localhost:80/a/b", insecure).url == "http://localhost/a/b"
    assert parse("http://[::1]/a/b", insecure).url == "http://[::1]/a/b"
    with pytest.raises(UnsafeRemote, match=r"Plain http to 127\.0\.0\.2 is not allowed"):
        parse("http://127.0.0.2/a/b", insecure)


PIECES = st.sampled_from(
    [
        "https://",
        "ssh://",
        "http://",
        "ext::",
        "git@",
        "github.com",
        "-o",
        ":",
        "@",
        "/",
        "..",
        ".",
        "%2e",
        "%",
        "?",
        "#",
        "\\",
        "\n",
        "\0",
        " ",
        "a",
        "b.git",
        "[::1]",
        "443",
        "é",
        "\u202e",
        "ProxyCommand=x",
        "~",
        "$(x)",
        "`x`",
        "'",
        '"',
    ]
)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=80))
def test_whatever_is_typed_is_refused_or_becomes_a_harmless_url(text: str) -> None:
    try:
        remote = parse(text)
    except UnsafeRemote:
        return
    assert remote.url.startswith(("https://", "ssh://"))
    assert remote.url.isascii()
    assert not set(remote.url) & set(" \t\r\n\0\\?#'\"`$();|&<>")
    assert not remote.host.startswith("-")
    assert not remote.path.startswith("-")
    assert ".." not in remote.path.split("/")
    assert remote.scheme == "ssh" or "@" not in remote.address
    assert parse(remote.url) == remote


# --- repositories and hosts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "https://github.com/artsy/candela.git",
        "https://github.com/artsy/candela",
        "git@github.com:artsy/candela.git",
        "ssh://git@github.com/artsy/candela",
    ],
)
def test_owner_and_name_come_from_the_path(text: str) -> None:
    assert repository_of(parse(text)) == ("artsy", "candela")


@pytest.mark.parametrize(
    "path", ["candela.git", "a/b/c", "a/.git", "a~/b", "_a/b", "a/b%20c", "a/" + "b" * 101, "a/b,c", "a/..git"]
)
def test_other_paths_are_no_repository_of_an_api(path: str) -> None:
    with pytest.raises(UnsafeRemote, match="must be owner/name"):
        repository_of(parse(f"https://github.com/{path}"))


@pytest.mark.parametrize(
    ("remote", "host", "same"),
    [
        ("https://github.com/a/b", "github.com", True),
        ("https://github.com/a/b", "GitHub.com", True),
        ("git@github.com:a/b", "github.com", True),
        ("https://github.com/a/b", "hub.com", False),
        ("https://github.com.evil.example/a/b", "github.com", False),
        ("https://github.com:8443/a/b", "github.com", True),
        ("https://github.com:8443/a/b", "github.com:8443", True),
        ("https://github.com/a/b", "github.com:443", True),
        ("https://github.com/a/b", "github.com:8443", False),
        ("https://github.com/a/b", "", False),
    ],
)
def test_hosts_are_compared_exactly(remote: str, host: str, same: bool) -> None:
    assert same_host(parse(remote), host) is same
    assert same_host(remote, host) is same


def test_an_api_serves_the_repositories_of_its_host() -> None:
    assert git_host_of_api("https://api.github.com") == "github.com"
    assert git_host_of_api("https://api.octocorp.ghe.com") == "octocorp.ghe.com"
    assert git_host_of_api("https://github.example.com:8443/api/v3") == "github.example.com"
    assert git_host_of_api("http://127.0.0.1:8080") == "127.0.0.1"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://api.github.com/", "https://api.github.com"),
        ("https://GHE.example.com/api/v3/", "https://ghe.example.com/api/v3"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_api_addresses_have_one_spelling(text: str, url: str) -> None:
    assert check_api_url(text, {"127.0.0.1"}) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "api.github.com",
        "ssh://git@api.github.com",
        "http://api.github.com",
        "https://ghp_x@api.github.com",
        "https://api.github.com/../x",
        "https://api.github.com?x",
        "https://api.github.com/ x",
        "file:///x",
        "https://",
    ],
)
def test_other_api_addresses_are_refused(text: str) -> None:
    with pytest.raises(UnsafeRemote) as caught:
        check_api_url(text, {"127.0.0.1"})
    assert "ghp_x" not in str(caught.value)


# --- pages for people -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "page", "commit", "compare"),
    [
        (
            "git@github.com:artsy/candela.git",
            "https://github.com/artsy/candela",
            f"https://github.com/artsy/candela/commit/{SHA}",
            "https://github.com/artsy/candela/compare/release...fix%23/1",
        ),
        (
            "https://gitlab.com/group/sub/app.git",
            "https://gitlab.com/group/sub/app",
            f"https://gitlab.com/group/sub/app/-/commit/{SHA}",
            "https://gitlab.com/group/sub/app/-/compare/release...fix%23/1",
        ),
        (
            "https://bitbucket.org/team/app.git",
            "https://bitbucket.org/team/app",
            f"https://bitbucket.org/team/app/commits/{SHA}",
            "https://bitbucket.org/team/app/branches/compare/fix%23/1..release",
        ),
        ("https://git.heroku.com/candela.git", "https://dashboard.heroku.com/apps/candela", None, None),
        ("ssh://git@host:2222/srv/git/app.git", None, None, None),
    ],
)
def test_pages_of_hosts_are_known(text: str, page: str | None, commit: str | None, compare: str | None) -> None:
    remote = parse(text)

    assert web_url(remote) == page
    assert commit_url(remote, SHA) == commit
    assert compare_url(remote, "release", "fix#/1") == compare


def test_plain_http_gives_no_link() -> None:
    assert web_url(parse("http://127.0.0.1/a/b", frozenset({"127.0.0.1"}))) is None


# --- names of branches and tags ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["main", "feature/a", "fix#12", "100%", "übung-日本", "v1.2", "a'b", "x@y", "#", "refs/x"]
)
def test_names_that_git_allows_are_branches(name: str) -> None:
    check_branch(name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "empty"),
        ("--upload-pack=x", "hyphen"),
        ("-", "hyphen"),
        ("a b", "spaces"),
        ("a\nb", "control characters"),
        ("a~1", "~"),
        ("a:b", ":"),
        ("a\\b", "\\"),
        ("a..b", ".."),
        ("a@{1}", "@{"),
        ("a.", "dot"),
        ("/a", "/"),
        ("a//b", "//"),
        (".a/b", "dot"),
        ("a.lock", ".lock"),
        ("feature/*", "one branch"),
        ("HEAD", "no branch name"),
        ("@", "no branch name"),
        ("refs/heads/main", "without refs/heads/"),
        ("a" * 256, "longer than 255"),
        ("\udc80", "control characters"),
    ],
)
def test_other_names_are_refused(name: str, words: str) -> None:
    with pytest.raises(UnsafeRemote) as caught:
        check_branch(name)
    assert words in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("ab./-@{~^:?*[\\ \x7f#%é\t"), min_size=1, max_size=8))
def test_branches_are_judged_as_git_judges_them(name: str) -> None:
    judged = subprocess.run(["git", "check-ref-format", f"refs/heads/{name}"], capture_output=True, check=False)
    try:
        check_branch(name)
        allowed = True
    except UnsafeRemote:
        allowed = False
    # These mean something else on a command line.
    assert allowed == (judged.returncode == 0 and not name.startswith("-") and name != "@")


@pytest.mark.parametrize(
    "pattern", ["v*", "release-*", "v[0-9]*", "v[!a-z]*", "**", "app/**", "latest", "v?.?", "a[]]"]
)
def test_globs_are_tag_patterns(pattern: str) -> None:
    check_tag_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("v[", "brackets"),
        ("v]", "brackets"),
        ("v[[:digit:]]", ":"),
        ("v[]", "brackets"),
        ("refs/tags/v*", "without refs/tags/"),
        ("-v*", "hyphen"),
        ("v *", "spaces"),
        ("v^", "^"),
        ("*a" * 11, "simpler"),
        ("", "empty"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str, words: str) -> None:
    with pytest.raises(UnsafeRemote) as caught:
        check_tag_pattern(pattern)
    assert words in str(caught.value)


TAGS = ["v1", "v1.2", "rel/v1", "rel/x/v1", "rel/x/y/v1", "a", "b", "a]", "va-", "foo/bar", "rel2", "aab", "ab/a"]


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that has all of `TAGS`."""
    folder = tmp_path_factory.mktemp("tagged")
    run = subprocess.run
    run(["git", "init", "-q", "--bare", str(folder)], check=True)
    blob = run(["git", "hash-object", "-w", "--stdin"], cwd=folder, input=b"", capture_output=True, check=True)
    for tag in TAGS:
        run(["git", "update-ref", f"refs/tags/{tag}", blob.stdout.decode().strip()], cwd=folder, check=True)
    return folder


@settings(max_examples=150, deadline=None)
@given(
    pattern=st.lists(
        st.sampled_from(["v", "1", "rel", "/", "*", "**", "**/", "/**", "?", "[!a]", "[a-v]", "[^v]", "a", "x", "[]]"]),
        min_size=1,
        max_size=5,
    ).map("".join)
)
def test_tags_match_as_git_matches_them(tagged: Path, pattern: str) -> None:
    try:
        check_tag_pattern(pattern)
    except UnsafeRemote:
        return
    command = ["git", "for-each-ref", "--format=%(refname:lstrip=2)", f"refs/tags/{pattern}"]
    found = subprocess.run(command, cwd=tagged, capture_output=True, text=True, check=True).stdout.split("\n")
    matches = tag_matcher(pattern)

    assert {tag for tag in TAGS if matches(tag)} == set(found) - {""}


def test_a_pattern_made_to_be_slow_is_not() -> None:
    matches = tag_matcher("*a" * 10)

    assert not matches("a" * 200 + "b")
    assert matches("a" * 200)
