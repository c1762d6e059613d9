"""Time, faults of GitHub and Slack, and deaths of the process, at any request and any line."""

import threading
from typing import Literal

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.invariants.machine import Machine
from tests.releases.wire import When
from tests.releases.world import DAY
from tests.servers.github import Refused

# The requests that have an effect, and the reading of the facts.
WRITES = [
    "POST .*/pulls",
    "PUT .*/merge$",
    "PUT .*/merge-async",
    "PATCH .*/pulls/",
    "POST .*/assignees",
    "POST .*/comments",
    "POST .*/statuses/",
    "POST .*/git/refs",
]
ACTS = st.sampled_from([*WRITES, "POST .*/services/", "POST .*/api/chat", "POST .*/graphql$", "GET .*/merge-async/"])
REQUESTS = st.sampled_from([*WRITES, "GRAPHQL .*", "GET .*/merge-async/"])
WHEN: st.SearchStrategy[When] = st.sampled_from(["before", "after"])
Fault = tuple[Literal["dies", "drops"], When] | None
FAULTS: st.SearchStrategy[Fault] = st.none() | st.tuples(st.sampled_from(["dies", "drops"]), WHEN)
SLACK_FAULTS = ["429 delivered", "429", "500", "500 delivered", "lost before", "lost after", "404"]


class Trouble(Machine):
    """What may go wrong."""

    @rule(seconds=st.sampled_from([20, 61, 3600, 3600, DAY, DAY]))
    def wait(self, seconds: int) -> None:
        self.world.wait(seconds=seconds)

    @rule(request=REQUESTS, when=WHEN)
    def lose_an_answer(self, request: str, when: When) -> None:
        self.github.fail(request, drop=when)

    @rule(request=REQUESTS, status=st.sampled_from([403, 404, 422, 502]))
    def refuse(self, request: str, status: int) -> None:
        self.github.fail(request, status=status)

    @rule(request=ACTS, when=WHEN)
    def die(self, request: str, when: When) -> None:
        self.wire.dies(request, when)

    @rule(
        request=st.sampled_from(["POST .*/pulls$", "PUT .*/merge", "POST .*/graphql$", "POST .*/services/"]),
        what=st.sampled_from(["push", "close", "merge", "draft", "time", "review"]),
    )
    def interfere(self, request: str, what: str) -> None:
        """A person acts, or time passes, between two of Horizon's requests."""

        def meanwhile() -> None:
            # Several messages are sent from threads, which see nothing of the test's transaction.
            if threading.current_thread() is not threading.main_thread():
                return
            self.act_as_a_person(what)
            self.moment_passes()

        self.wire.at(request, "before", meanwhile)

    def act_as_a_person(self, what: str) -> None:
        pulls = self.open_pulls()
        if what == "time":
            self.world.wait(seconds=61)
        elif what == "push" and self.has_staging():
            self.world.commit("Meanwhile")
        elif pulls and what in ("close", "merge", "draft", "review"):
            self._act_on(pulls[0], what)

    def _act_on(self, number: int, what: str) -> None:
        self.here.forgiven.note(self.world)
        repo = self.world.repo
        match what:
            case "close":
                repo.close_pull_request(number, by="ana")
            case "merge":
                try:
                    repo.merge_pull_request(number, by="ana")
                except Refused:
                    return
            case "draft":
                repo.edit_pull_request(number, draft=True)
            case "review":
                repo.approve(number, by="ana", state="CHANGES_REQUESTED")

    @rule(fault=st.sampled_from(SLACK_FAULTS))
    def slack_stumbles(self, fault: str) -> None:
        self.fail_slack(fault)

    def fail_slack(self, fault: str, times: int = 1) -> None:
        kind, _, how = fault.partition(" ")
        if kind == "lost":
            self.slack.fail("", times=times, drop="before" if how == "before" else "after")
            return
        headers = {"Retry-After": "30"} if kind == "429" else {}
        self.slack.fail("", times=times, status=int(kind), headers=headers, after_effect=how == "delivered")

    @rule()
    def slack_goes_away(self) -> None:
        self.fail_slack("500", times=10**6)

    @rule()
    def all_is_well_again(self) -> None:
        self.all_is_well()

    def fail(self, request: str, fault: Fault) -> None:
        match fault:
            case ("dies", when):
                self.wire.dies(request, when)
            case ("drops", when):
                self.github.fail(request, drop=when)
