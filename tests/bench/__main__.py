"""`make bench`: the budgets of the design, and the figures measured on this machine, now. Never part of `make test`.

BENCH_RUNS (3), BENCH_PROJECTS (1000), BENCH_LATENCIES (0,100, in milliseconds) and BENCH_SLOPE (5000; 0 leaves it out)
change how much is measured.
"""

import os
import platform
from datetime import UTC, datetime

from tests import services

RUNS = int(os.environ.get("BENCH_RUNS", "3"))
PROJECTS = int(os.environ.get("BENCH_PROJECTS", "1000"))
LATENCIES = tuple(float(each) / 1000 for each in os.environ.get("BENCH_LATENCIES", "0,100").split(","))
SLOPE = int(os.environ.get("BENCH_SLOPE", "5000"))


def main() -> None:
    servers = services.begin()
    os.environ["DJANGO_SETTINGS_MODULE"] = "horizon.settings"
    try:
        import django

        django.setup()
        from django.core.management import call_command

        from horizon.statics import collect_when_changed

        call_command("migrate", verbosity=0)
        collect_when_changed()
        measure()
    finally:
        if servers is not None:
            servers.stop()


def measure() -> None:
    from projects.models import Organization, Project
    from tests.bench import pages, polls, tabs
    from tests.bench.figures import Table
    from tests.servers.github.process import GitHubProcess

    table = Table()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, medians of {RUNS} runs")
    with GitHubProcess() as github:
        polls.found_repositories(github, max(PROJECTS, SLOPE))
        polls.declare(github, PROJECTS)
        polls.measure(table, github, PROJECTS, runs=RUNS, latencies=LATENCIES)
        polls.measure_ls_remote(table, github, PROJECTS)
        pages.measure(table)
        tabs.measure(table)
        if SLOPE:
            Project.objects.all().delete()
            Organization.objects.all().delete()
            polls.declare(github, SLOPE)
            polls.measure(table, github, SLOPE, runs=RUNS, latencies=(0.0,))
    print(f"\n{datetime.now(UTC):%Y-%m-%d}\n{table}")


if __name__ == "__main__":
    main()
