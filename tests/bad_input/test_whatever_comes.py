"""Whatever hosts say of commits: it is stored, every page shows it as text, and the API tells it in JSON."""

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from uuid import uuid4

from django.contrib.auth.models import User
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from projects import leases, refresh
from projects.git_output import parse_log
from projects.models import Project, Snapshot, Stage
from projects.reading import Commit, Difference, Head, StageUnreadable, Trouble
from projects.sighting import Answer, Sighting
from tests import worlds
from tests.bad_input.looking import Seen, look
from tests.worlds import NOW, sha

# Each example costs many pages: one that fails is small enough to be read without being made smaller.
OPTIONS = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
MARK = "<i data-evil>"

anything = st.text(st.characters(), max_size=60)  # lone surrogates and controls, too
nasty = st.sampled_from(
    [
        MARK,
        f'"{MARK}',
        f"'{MARK}",
        f"\0{MARK}",
        f"\x1b[31m{MARK}",
        "\ud800",
        "\u202e\u2066",
        "RANK",
        "{{ x }}",
        "]]>",
        "</script>",
        "&lt;",
        "\u0301",
        "x" * 3_000,
        "",
        "(#999999999)",
        "Merge pull request #1 from a",
    ]
)
texts = st.lists(anything | nasty, max_size=3).map("".join)
dates = st.datetimes(timezones=st.sampled_from([UTC]))
shas = st.integers(10, 40).map(sha)
commits = st.builds(
    Commit,
    sha=shas,
    date=dates,
    subject=texts,
    author=texts,
    email=texts,
    parents=st.lists(shas, max_size=3).map(tuple),
    tree=st.none() | shas,
    login=st.none() | texts,
    url=st.none() | texts | texts.map(lambda text: f"https://x/{text}") | texts.map(lambda text: f"javascript:{text}"),
)
lines = st.binary(max_size=40) | texts.map(lambda text: text.encode("utf-8", "replace"))
counts = st.integers(0, 300) | st.just(2**31 - 1)


@st.composite
def differences(draw: st.DrawFn) -> Difference:
    listed = draw(st.lists(commits, max_size=6, unique_by=lambda commit: commit.sha))
    total = max(len(listed), draw(counts))
    return Difference(tuple(listed), total, draw(st.none() | counts), draw(st.none() | texts))


troubles = st.builds(StageUnreadable, st.sampled_from([each for each in Trouble if each is not Trouble.LIMITED]), texts)
heads = st.builds(Head, shas, tree=st.none() | shas, label=st.none() | texts)
answers = st.lists(heads | troubles, min_size=3, max_size=3)
outcomes = st.lists(differences() | troubles, min_size=1, max_size=4)


class Asked:
    """Hosts that answer in turn what was drawn."""

    def __init__(self, told: list[Difference | StageUnreadable]) -> None:
        self._told = told
        self._turn = 0

    def difference(self, base: str, head: str) -> Difference:
        self._turn += 1
        answer = self._told[self._turn % len(self._told)]
        if isinstance(answer, StageUnreadable):
            raise answer
        return answer

    def squashed_head(self, sha: str) -> str | None:
        return sha


def stored(project: Project, said: list[Answer], told: list[Difference | StageUnreadable], at: datetime) -> None:
    """One poll of the project, from the readers' answers on."""
    lease = uuid4()
    leases.claim([project.pk], lease, at)
    stages = tuple(Stage.objects.filter(project=project).select_related("head").order_by("position"))
    snapshot = Snapshot.objects.filter(project=project, is_current=True).prefetch_related("comparisons").first()
    sighting = Sighting(project, stages, {s.pk: each for s, each in zip(stages, said, strict=True)}, snapshot)
    reading = refresh.read(sighting, {stage.pk: Asked(told) for stage in stages})
    refresh.store(sighting, reading, lease=lease, now=at)


class Tags(HTMLParser):
    """Finds an element that somebody smuggled in, and links that are none of the web."""

    def __init__(self) -> None:
        super().__init__()
        self.evil: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            smuggled = name == "data-evil" or name.startswith("on")
            if smuggled or (
                name in {"href", "src"} and (value or "").strip().lower().startswith(("javascript", "data"))
            ):
                self.evil.append(f"{tag} {name}={value}")


def assert_tame(seen: Seen) -> None:
    for html in (seen.home, seen.page):
        tags = Tags()
        tags.feed(html)
        assert not tags.evil


class TestWhateverHostsSay(TestCase):
    """Each example in a transaction of its own, which hypothesis' own TestCase does."""

    def setUp(self) -> None:
        self.reader = Client()
        self.reader.force_login(User.objects.create_user("bo"))
        self.project = worlds.project("candela", tags=["team"])

    @OPTIONS
    @given(answers, outcomes, answers, outcomes)
    def test_it_is_stored_and_shown(
        self,
        first: list[Answer],
        told: list[Difference | StageUnreadable],
        second: list[Answer],
        told_then: list[Difference | StageUnreadable],
    ) -> None:
        for number, (said, answered) in enumerate([(first, told), (second, told_then)]):
            stored(self.project, said, answered, NOW + timedelta(minutes=number))
            assert_tame(look(self.reader, self.project))


class TestWhateverGitSays(TestCase):
    def setUp(self) -> None:
        self.reader = Client()
        self.reader.force_login(User.objects.create_user("bo"))
        self.project = worlds.project("candela")

    @OPTIONS
    @given(st.lists(st.tuples(lines, lines, lines, lines), max_size=4))
    def test_its_bytes_are_stored_and_shown(self, rows: list[tuple[bytes, bytes, bytes, bytes]]) -> None:
        fields = []
        for number, row in enumerate(rows):
            names = [sha(number + 50).encode(), sha(number + 51).encode(), sha(5).encode()]
            fields += [*names, *(field.replace(b"\0", b"") for field in row)]
        commits = parse_log(b"".join(field + b"\0" for field in fields))
        said: list[Answer] = [Head(sha(50)), Head(sha(2)), Head(sha(2))]

        stored(self.project, said, [Difference(commits, len(commits), 0)], NOW)

        assert len(commits) == len(rows)
        assert_tame(look(self.reader, self.project))
