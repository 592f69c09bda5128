"""Runs the benchmarks and prints them beside their floors."""

import argparse
import asyncio
from typing import Final

from tests.bench import (
    backtest,
    decisions,
    ingest,
    latency,
    loops,
    mails,
    plans,
    search,
    startup,
    steps,
    storm,
    triage,
)
from tests.bench.measure import Benchmark, show

#: Each benchmark, by the names of what it measures.
BENCHMARKS: Final[dict[tuple[str, ...], Benchmark]] = {
    ("ingest_single_per_s", "ingest_grouped_per_s", "ingest_cost_ratio"): ingest.accepted,
    (
        "storm_alerts_per_s",
        "storm_tickets",
        "storm_counted",
        "storm_rss_growth_mb",
    ): storm.collapsed,
    ("triage_per_s",): triage.judged,
    ("approval_latency_ms_p50", "approval_latency_ms_p99"): latency.webhook_to_question,
    ("mail_latency_ms_p95",): mails.question_to_mail,
    ("decision_latency_ms_p95",): decisions.decision_to_start,
    ("step_own_ms_p50", "step_own_ms_p95"): steps.alone,
    ("ssh_cost_ratio", "ssh_step_own_ms_p50"): steps.over_ssh,
    ("loop_per_s", "loop_cost_ratio"): loops.whole,
    ("plan_50_wide_s",): plans.fifty_wide,
    ("sessions_in_flight",): plans.in_flight,
    ("sessions_per_s",): plans.three_steps,
    search.QUALITY: search.quality,
    ("runbook_search_ms_p95", "runbook_search_meaning_ms_p95"): search.speed,
    ("backtest_10k_s",): backtest.ten_thousand,
    ("ready_s", "idle_mb"): startup.warm,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure Handrail.")
    parser.add_argument("--only", default="", help="names, with commas between them")
    wanted = {name for name in parser.parse_args().only.split(",") if name}
    known = {name for names in BENCHMARKS for name in names}
    if wanted - known:
        parser.error(f"there is no {', '.join(sorted(wanted - known))}; there are: {sorted(known)}")
    measures = [
        measure
        for names, benchmark in BENCHMARKS.items()
        if not wanted or wanted & set(names)
        for measure in asyncio.run(benchmark())  # type: ignore[arg-type]
    ]
    show([one for one in measures if not wanted or one.name in wanted])


if __name__ == "__main__":
    main()
