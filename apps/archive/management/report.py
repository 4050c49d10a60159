"""`archive report`: the archive in numbers, and what is in danger."""

import json as as_json
from argparse import ArgumentParser

from django.core.management.base import CommandError

from apps.archive import watching
from apps.archive.statistics import everything
from apps.lib import sizes

HELP = "the archive in numbers: tracks, how soon and surely, queue, costs, upkeep; with --alarms, what is in danger"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--days", type=int, default=30, help="how far back the rates go (%(default)s)")
    parser.add_argument("--alarms", action="store_true", help="look for dangers now; ends with 1 while one lasts")
    parser.add_argument("--test-alarm", action="store_true", help="send a test alarm wherever alarms go")


def handle(out, *, json: bool, days: int, alarms: bool, test_alarm: bool, **options) -> None:
    if not 1 <= days <= 3650:
        raise CommandError("--days: a whole number from 1 to 3650")
    if test_alarm:
        watching.raise_test()
        out.write("A test alarm was sent wherever alarms go; its end follows with the next look.")
    elif alarms:
        _alarms(out, json=json)
    elif json:
        out.write(as_json.dumps(everything(days=days), indent=2, default=str))
    else:
        for line in _lines(everything(days=days)):
            out.write(line)


def _alarms(out, *, json: bool) -> None:
    raised = watching.look(daily=True)
    if json:
        facts = [{"kind": a.kind, "since": a.created_at, "number": a.number, "message": a.message} for a in raised]
        out.write(as_json.dumps(facts, indent=2, default=str))
    else:
        for alarm in raised:
            out.write(f"{alarm.kind:<10} since {alarm.created_at:%Y-%m-%d %H:%M} UTC: {alarm.message}")
    if raised:
        raise CommandError(f"{len(raised)} alarm{'' if len(raised) == 1 else 's'} raised", returncode=1)
    if not json:
        out.write("Nothing is in danger.")


def _lines(found: dict):
    for name, value in found.items():
        if not isinstance(value, dict):
            yield f"{name.replace('_', ' '):<24} {value}"
    targets = found["targets"]
    days = found["last_days"]["days"]
    for words, window in (("last 24 h", found["last_day"]), (f"last {days} days", found["last_days"])):
        yield f"\n{words}: {window['archived']} files archived, {window['lost']} lost (target {targets['lost']})"
        yield f"  before expiry          {window['success_rate']:.2%} (target >= {targets['success_rate']:.0%})"
        yield f"  failed for good        {window['failure_rate']:.2%} (target < {targets['failure_rate']:.0%})"
        yield f"  mean time of a track   {_seconds(window['mean_seconds'])} (target < {targets['mean_seconds']} s)"
        for name, label in (("since_finished", "since it was ready"), ("since_known", "since we knew of it")):
            at = window[name]
            told = ", ".join(f"{p} {_seconds(at[p])}" for p in ("p50", "p95", "p99"))
            yield f"  {label:<22} {told}"
    queue, storage = found["queue"], found["storage"]
    yield f"\nqueue: {queue['waiting']} waiting, {queue['due']} due, the oldest for {queue['age_seconds']:.0f} s"
    if queue["next_to_expire"]:
        soonest = queue["next_to_expire"]
        when = f"{soonest['expires_at']:%Y-%m-%d %H:%M} UTC"
        yield f"  next to expire         {soonest['kind']} of {soonest['track_id']}, {when}"
    yield f"\nstorage: {sizes.words(storage['bytes'])}, {sizes.words(storage['growth_month_bytes'])} in 30 days"
    for kind, each in storage["by_kind"].items():
        yield f"  {kind:<22} {each['files']} files, {sizes.words(each['bytes'])}"
    yield f"  a month costs          ${storage['cost_month']} (${storage['price_gb_month']} a GB)"
    year = sizes.words(storage["bytes_in_a_year"])
    yield f"  in a year              {year}, ${storage['cost_month_in_a_year']} a month"
    example = storage["example_1000_tracks"]
    yield f"  1000 typical tracks    {example['gb']} GB, ${example['cost_month']} a month"
    yield from _upkeep(found["fixity"], found["hosts"], found["ledger"])


def _upkeep(fixity: dict, hosts: dict, ledger: dict):
    yield f"\nstored bytes: {sizes.words(fixity['bytes_checked'])} of {sizes.words(fixity['bytes_total'])} read in time"
    if fixity["oldest_check"]:
        yield f"  longest unread since   {fixity['oldest_check']:%Y-%m-%d %H:%M} UTC"
    beyond = fixity["unrepairable_findings"]
    yield f"  damaged                {fixity['open_findings']} files, {beyond} beyond repair"
    yield f"  without copy           {fixity['copies_missing']} files, {sizes.words(fixity['bytes_without_copy'])}"
    for place, seen in fixity["orphans"].items():
        yield f"  orphans in {place:<12}{seen['orphans']} objects, {seen['half_written']} half written"
    states = ", ".join(f"{number} {state}" for state, number in hosts["states"].items() if number)
    yield f"\nhosts: {states or 'none yet'}"
    for host in hosts["left_alone"]:
        until = f", until {host['opens_at']:%H:%M:%S} UTC" if host["opens_at"] else ""
        yield f"  {host['host']:<22} {host['state']}{until} {host['error_code']}".rstrip()
    last = f"{ledger['last_closed']}, head {ledger['head']}" if ledger["last_closed"] else "none yet"
    yield f"\nledger: last closed day {last}; {ledger['unclosed_days']} over and not closed"


def _seconds(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f} s"
