"""English: refusals, answers, buttons and mistakes about what surrounds the traffic. The rest is in `answers_en`."""

ANSWERS: dict[str, str] = {
    "refuse.preparing": "{rollout} is still being prepared: the first approval is asked for when its checks have "
    "passed and its checklist is ticked. `/rollout checks {service}` shows what is missing.",
    "refuse.steps_running": "Steps of {rollout} are still running ({phase}): wait for them to end, then try again. "
    "`/rollout rollback {service}` does not wait.",
    "refuse.nothing_to_override": "There is nothing to pass over in {rollout}: it is not held by a failed check or "
    "step.",
    "refuse.no_such_work": "{name} is not what failed: name one of {names}, as in `/rollout override {service} NAME "
    "REASON`.",
    "refuse.may_not_override": "You may not pass over a failure: ask somebody with the role {roles}.",
    "refuse.own_override": "Who started a rollout does not pass over its failures: ask somebody else with the role "
    "{roles}.",
    "refuse.override_without_reason": "An override needs its reason, which everybody will read: `/rollout override "
    "{service} NAME REASON`, the name being one of {names}.",
    "refuse.no_checklist": "The plan of {service} has no checklist: add `checklist:` to its YAML, or leave it.",
    "refuse.no_such_item": "{item} is not on the checklist: it has {items}.",
    "refuse.checklist_over": "The checklist of {rollout} is over: its first approval has been asked for. What is "
    "still to be said goes into `/rollout note {service} TEXT`.",
    "refuse.not_the_owner": "{item} is ticked by its owner: ask {owner}.",
    "refuse.item_ticked_already": "{item} is ticked already: `/rollout untick {service} {item}` takes it back.",
    "refuse.item_not_ticked": "{item} is not ticked: there is nothing to take back.",
    "refuse.no_report": "The plan of {service} has no report: add `report:` to its YAML.",
    "refuse.signature_not_asked": "Your reaction on the report does not count: it is signed by {roles}, each for one "
    "role that is still missing.",
    "refuse.signed_already": "The report of {rollout} is signed off: nothing changes any more.",
    "refuse.report_over": "That report of {rollout} is void or was never asked to be signed: sign the newest one in "
    "the channel.",
    "refuse.no_such_follow_up": "There is no open follow-up {id}: `/rollout followup {service} list` shows them.",
    "refuse.empty_follow_up": "What is to be done? `/rollout followup {service} add TEXT @owner 2026-12-01 P1`.",
    "refuse.bad_date": "{text} is no date: write it as `2026-12-01`, `12-01`, `tomorrow` or `+3d`.",
    "refuse.bad_priority": "{text} is no priority: `P0` (at once) to `P3` (some day).",
    "refuse.members_only": "That is for full members of the workspace ({why}): ask one of them.",
    # Lists
    "checks.header": "Checked: {service} {version}",
    "checks.none": "Nothing was checked in {rollout}: its plan has no checks, backups or steps, or none has run yet.",
    "checks.phase": "*{phase}*",
    "checks.phase.stage": "*{phase}, stage {stage}*",
    "checks.line": "{line} · {at}",
    "checks.text": "{service} {version}: {done} of {total} done",
    "follow.header": "Follow-ups: {service} {version}",
    "follow.none": "{rollout} has no follow-ups. Add one: `/rollout followup {service} add TEXT @owner 2026-12-01 P1`.",
    "follow.open": "▫️ *{id}* ({priority}) {text} · {owner}, due {due}",
    "follow.overdue": "🔴 *{id}* ({priority}) {text} · {owner}, *was due {due}*",
    "follow.done": "☑️ *{id}* {text} · done by {by}, {at}",
    "follow.text": "Follow-ups of {service}: {n} open",
    "report.no_files": "This server takes no files. The report as text follows; as a page: "
    "`rollout-bot report {rollout}` on the bot's machine.",
    "report.files": "📄 Report of {rollout}, edition {edition}: Markdown and HTML, Chinese and English.",
    "report.draft": "📄 Report of {rollout} as of now: a draft, nobody signs it.",
    "chart.line": "📈 {rollout}: share, errors and latency up to stage {stage}.",
    "chart.no_files": "📈 This server takes no pictures: `rollout-bot report {rollout}` on the bot's machine has the "
    "charts.",
    # Help
    "help.override": "go on without what failed: a role, a reason, said to everybody",
    "help.tick": "tick an item of the checklist",
    "help.untick": "take a tick back",
    "help.checks": "what was checked, with results",
    "help.followup": "what is still to do afterwards: add, list, done",
    "help.report": "the report as it is now, as a draft",
    # Done
    "done.overridden": "⚠️ {service}: {work} is passed over. Everybody was told, with your reason.",
    "done.overridden.short": "⚠️ Passed over. Everybody was told, with your reason.",
    "done.ticked": "☑️ {item} is ticked.",
    "done.ticked.short": "☑️ Ticked.",
    "done.unticked": "▫️ {item} is open again.",
    "done.unticked.short": "▫️ Open again.",
    "done.followup": "📌 {id} ({priority}) is noted: {text}, due {due}. Done? `/rollout followup {service} done {id}`",
    "done.followup.short": "📌 Noted.",
    "done.closed": "☑️ {id} is done.",
    "done.closed.short": "☑️ Done.",
    "done.drafted": "📄 A draft of the report on {rollout} is being made; it comes into its thread. Nobody signs a "
    "draft.",
    "done.drafted.short": "📄 A draft of the report is being made.",
    # Mistakes in what was typed
    "usage.missing_name": "What is to be passed over? It is held by {names}.",
    "usage.missing_item": "Which item? Still open: {items}.",
    "usage.which_item": "{word} may be one of {items}: name one of them.",
    "usage.missing_follow_up": "What is to be done?",
    "usage.which_follow_up": "Which follow-up? Open: {ids}.",
    "usage.past_date": "{word} is past: a follow-up is due today at the earliest.",
    "usage.no_follow_up": "No follow-up is open.",
    "usage.two_owners": "A follow-up has one owner, and two are named.",
    "usage.unknown_owner": "Slack made no mention of that name: pick the owner from the list that appears after `@`.",
    # Buttons and their questions
    "button.retry.work": "Run it again",
    "button.item.done": "Done",
    "button.item.undo": "Undo",
    "confirm.rollback.off.text": "All traffic goes to {version} at once, on {n} hosts. *{version} was taken off after "
    "the completion: start it first*, or nobody is served.",
}
