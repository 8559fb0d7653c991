"""English: refusals, private answers, lists, buttons. Kept beside `phrases_en`, which holds the rest."""

ANSWERS: dict[str, str] = {
    # Why nothing was changed, and the mend
    "refuse.no_rollout": "No rollout of {service} is running; begin one with `/rollout start {service} VERSION`.",
    "refuse.not_allowed": "You may not {verb} this rollout: ask somebody with the role {roles}.",
    "refuse.not_allowed.initiator": "You may not {verb} this rollout: ask {initiator} or somebody with the role "
    "{roles}.",
    "refuse.already_active": "{rollout} ({version}) of {service} is still running: finish it or "
    "`/rollout rollback {service}`, then start anew.",
    "refuse.may_not_start": "You may not start this rollout: ask somebody with the role {roles}.",
    "refuse.may_not_start.rule": "You may not start a rollout: {why}. Ask a full member of the workspace.",
    "refuse.serving_elsewhere": "What serves now ({serving}, {version}) is in neither pool of the plan: "
    "correct the pools in the service's YAML first.",
    "refuse.hosts_behind": "{hosts} missed a shift of the last rollout and may still send visitors to either pool: see "
    "that they answer, or take them out of the plan.",
    "refuse.already_serving": "{service} already serves {version}: name another version.",
    "refuse.bad_salt": "{salt} is no salt: 1 to 64 letters, digits, dots, `-` and `_`. To repeat a rollout's choice of "
    "visitors, give its id.",
    "refuse.salt_without_sticky": "A salt chooses who is first with strategy sticky only, and this plan's is "
    "{strategy}: leave `--sticky-salt` out.",
    "refuse.nothing_to_roll_back": "There is nothing of {service} to roll back: no rollout runs and the last one "
    "was taken back or cancelled. `/rollout status` shows what serves.",
    "refuse.nothing_to_roll_back.never": "There is nothing of {service} to roll back: it has had no rollout yet. "
    "`/rollout status` shows what serves.",
    "refuse.nothing_to_step_down": "No rollout of {service} is running that could go back in steps: "
    "`/rollout rollback {service}` goes back at once.",
    "refuse.no_step_down": "The plan of {service} has no steps to go back by: `/rollout rollback {service}` goes back "
    "at once, or add `rollback: steps` to its YAML.",
    "refuse.step_down_without_reason": "`--gradual` needs a reason: it goes into the record. In an emergency "
    "`/rollout rollback {service}` needs none and goes back at once.",
    "refuse.cannot_step_down": "{service} cannot go back in steps now (no traffic yet, hosts being changed, drift, or "
    "a changed plan): `/rollout rollback {service}` goes back at once.",
    "refuse.stepping_down_already": "It is already going back to {version} in steps: `/rollout rollback {service}` "
    "goes back at once.",
    "refuse.rolling_back_already": "It is already going back to {version}: the card shows which hosts are back.",
    "refuse.may_not_roll_back": "Bots, deactivated and external users may not roll back: ask any member of the "
    "channel.",
    "refuse.paused": "{rollout} is paused by {by}: `/rollout resume {service}` first.",
    "refuse.drifted": "Hosts of {rollout} do not serve what was ordered: adopt, restore or roll back on the card "
    "first.",
    "refuse.plan_changed": "The plan changed since {rollout} was approved: `/rollout retry {service}` asks anew "
    "under it "
    "once the rollout is held.",
    "refuse.awaiting_approval": "Stage {stage} already waits for approval: react to the approval request in the "
    "channel.",
    "refuse.approved_by_reaction": "That is done by a reaction, so that everybody sees it: {yes} on the approval "
    "request for stage {stage} approves, {no} vetoes. Nothing was changed. Who can: {roles}.",
    "refuse.nothing_to_approve": "No approval request waits: stage {stage} of {service} is {status}. Nothing was "
    "changed. The card says what is next; `/rollout rollback {service}` goes back.",
    "refuse.held_gates": "Stage {stage} did not pass ({detail}): `/rollout retry {service}` bakes it anew, "
    "`/rollout promote {service} --force REASON` goes on all the same.",
    "refuse.still_baking": "Stage {stage} is still being measured: wait for it to pass, or "
    "`/rollout promote {service} --force REASON`.",
    "refuse.held": "Stage {stage} is held ({hold}): `/rollout retry {service}` or roll back.",
    "refuse.nothing_to_promote": "There is nothing to promote: stage {stage} is {status}. The card says what is next.",
    "refuse.not_paused": "{rollout} is not paused: nothing to resume.",
    "refuse.not_held": "Stage {stage} is not held but {status}: there is nothing to try again.",
    "refuse.stage_gone": "Stage {stage} is no longer in the plan: put it back into the YAML, or roll back.",
    "refuse.empty_note": "The note is empty: `/rollout note {service} TEXT`.",
    "refuse.asking_over": "That approval request for stage {stage} is over: look for the newest one in the channel.",
    "refuse.decided": "Stage {stage} was already {how} by {by}: nothing changes any more; `/rollout rollback "
    "{service}` "
    "takes it back.",
    "refuse.no_drift": "{rollout} has no drift: every host serves what was ordered.",
    "refuse.drift_above_approved": "{hosts} serve more than the approved {weight} % or an unknown share, which nobody "
    "approved: restore or roll back.",
    "refuse.cannot_restore": "{rollout} cannot be restored now: wait until the shift is over, or roll back.",
    "refuse.older_card": "That card is of an earlier rollout: use the newest card in the channel, or type "
    "`/rollout status`.",
    "refuse.wrong_message": "A reaction on the card does not count: react to the approval request for stage "
    "{stage} in the "
    "channel.",
    "refuse.unavailable": "The bot cannot do this now ({why}): try again in a moment. Nothing was changed.",
    "refuse.unknown": "This was refused ({code}) and nothing was changed. {facts}",
    # The rules for people (bot.rollout.approval)
    "rule.own_rollout": "who started a rollout does not approve it",
    "rule.bot": "bots do not count",
    "rule.guest": "guests do not count",
    "rule.deactivated": "deactivated users do not count",
    "rule.external": "users of another workspace do not count",
    "rule.no_role": "you do not have the role",
    "rule.unknown_user": "Slack could not say who you are; take the reaction back and try again",
    "rule.other": "a rule is against it ({code})",
    "whisper": "Your reaction on stage {stage} of {service} {version} does not count: {rule}. Who can: {roles}.",
    "decided.approved": "approved",
    "decided.vetoed": "vetoed",
    "decided.expired": "closed (expired)",
    "decided.voided": "closed (void)",
    "verb.promote": "promote",
    "verb.pause": "pause",
    "verb.resume": "resume",
    "verb.retry": "retry",
    "verb.adopt": "adopt the drift of",
    "verb.restore": "restore",
    # Lists
    "status.header": "Rollouts",
    "status.title": "*{service}* {change} · {id}",
    "status.idle": "*At rest*",
    "status.never": "• *{service}*: no rollout yet",
    "status.last": "• *{service}*: {last}",
    "status.no_services": "No service is configured: add one in `config/services/`.",
    "status.start": "Begin one: `/rollout start {service} VERSION REASON`. See before what it would do: "
    "`/rollout plan {service} VERSION`.",
    "status.nothing_runs": "No rollout is running.",
    "history.header": "Rollouts, the newest first",
    "history.none": "There has been no rollout yet. Begin one: `/rollout start SERVICE VERSION REASON`.",
    "history.line": "{glyph} {change} · {outcome} · {at}, {lasted} · by {by} · {id}",
    "history.rolled_back": "{status} by {by}: {cause}",
    "history.text": "Rollouts: {n}",
    "plan.header": "Dry run: {service} {version}",
    "plan.intro": "{change} on {hosts}. Nothing was changed.",
    "plan.stage": "*{n}. {stage}*: {share}, bakes for {bake} (at most {most})",
    "plan.gates": "Gates: {gates}",
    "plan.approval": "Approval: {quorum} of {roles}, within {expires}",
    "plan.triggers": "*Rolls back at once when:* {triggers}\nWatched for {watch} after the last stage.",
    "plan.salt": "Sticky salt: {salt}, so the same visitors come first as in other rollouts with it.",
    "plan.salt.own": "Sticky salt: the rollout's own id, so others come first than before; `--sticky-salt ID` repeats "
    "an earlier choice.",
    "plan.diff": "*nginx, first stage*",
    "plan.no_diff": "⚠️ The hosts could not be read, so the change of nginx is not known: {error}",
    "plan.diff_not_read": "The hosts were not read: the change of nginx is not shown.",
    "plan.bound": "plan {plan}",
    "plan.start": "Begin: {command}",
    "plan.text": "Dry run of {service} {change}: {n} stages. Nothing was changed.",
    "diff.text": "nginx changes on {n} of {total} hosts",
    "diff.hosts": "On {hosts}:",
    "diff.unchanged": "No change on {hosts}",
    "diff.cut": "… {n} more lines not shown",
    "diff.more_hosts": "… {n} more hosts with other changes not shown",
    # Help
    "help.header": "Rollout commands",
    "help.intro": "A rollout takes a new version to everyone in stages. Before each stage people approve; gates "
    "are measured; "
    "triggers roll back by themselves.",
    "help.footer": "In doubt: `/rollout rollback`. Everybody may, always, without approval.",
    "help.text": "Rollout commands",
    "help.start": "begin a rollout",
    "help.approve": "how to approve a stage, and who can: by a reaction",
    "help.promote": "go on to the next stage's approval",
    "help.rollback": "everybody back to the old version, at once",
    "help.status": "what runs and what is next",
    "help.plan": "dry run: stages, gates, the change of nginx",
    "help.pause": "stop the clock; triggers still act",
    "help.resume": "go on after a pause",
    "help.retry": "try a held stage again",
    "help.note": "write a line into the record",
    "help.adopt": "keep the lower share somebody set on a host",
    "help.restore": "write what was approved to the hosts again",
    "help.history": "past rollouts",
    "help.help": "this list",
    # Done
    "done.started": "✅ {rollout} of {service} {version} has started. The card is in the channel.",
    "done.started.short": "✅ The rollout has started. The card is in the channel.",
    "done.promoted": "✅ {service} goes on: now at stage {stage}; the channel asks for its approval.",
    "done.promoted.short": "✅ It goes on; the channel has the approval request.",
    "done.stepping_down": "📉 {service} goes back to {stable_version} in steps. At once instead: "
    "`/rollout rollback {service}`.",
    "done.stepping_down.short": "📉 It goes back in steps. At once instead: `/rollout rollback`.",
    "done.rolling_back": "⏪ {service} goes back to {stable_version}; the card shows each host.",
    "done.rolling_back.short": "⏪ It goes back; the card shows each host.",
    "done.paused": "⏸️ {service} is paused; triggers still act. On with `/rollout resume {service}`.",
    "done.paused.short": "⏸️ Paused; triggers still act. On with `/rollout resume`.",
    "done.resumed": "▶️ {service} goes on.",
    "done.resumed.short": "▶️ It goes on.",
    "done.retried": "🔁 {service}: stage {stage} is tried again.",
    "done.retried.short": "🔁 It is tried again.",
    "done.noted": "📝 Noted on {rollout}.",
    "done.noted.short": "📝 Noted.",
    "done.adopted": "🧭 The drift of {service} is kept as it is.",
    "done.adopted.short": "🧭 The drift is kept as it is.",
    "done.restored": "🧭 {service}: the hosts are being set to what was approved.",
    "done.restored.short": "🧭 The hosts are being set to what was approved.",
    "done.cancelled": "⛔ {rollout} of {service} is cancelled; no traffic was moved.",
    "done.cancelled.short": "⛔ Cancelled; no traffic was moved.",
    "done.other": "✅ Done ({code}).",
    # Mistakes in what was typed
    "usage.did_you_mean": "{word} is no command. Did you mean {suggestion}? Nothing was changed. {usage}",
    "usage.unknown_word": "{word} is no command. Nothing was changed. {usage}",
    "usage.line": "{problem} Nothing was changed. Write: {usage}",
    "usage.wrong": "That is not how it is written.",
    "usage.other": "That was not understood ({code}).",
    "usage.missing": "{what} is missing.",
    "usage.missing_service": "Which service? One of {services}.",
    "usage.missing_version": "The version is missing.",
    "usage.missing_salt": "`--sticky-salt` needs its salt after it.",
    "usage.which_service": "Several services are configured; name one of {services}.",
    "usage.unknown_service": "There is no service {word}; there are {services}.",
    "usage.bad_version": "{word} is no version: letters, digits, dots, `-`, `_` and `+` only.",
    "usage.unknown_option": "There is no option {word}.",
    "usage.too_many": "There is too much: {word}.",
    "usage.unexpected_word": "{word} does not belong there.",
    "usage.force_without_reason": "`--force` needs a reason: it goes into the record.",
    "usage.empty_note": "The note is empty.",
    "outage.away": "🔴 *{title}* · {version}: the bot has lost its database since {since}. "
    "It holds and changes nothing, because it could not record it: gates and triggers are *not* acted on. "
    "Watch the service yourself; the bot goes on by itself once the database answers.",
    "outage.back": "✅ *{title}* · {version}: the database is back after {lasted} (away since {since}). "
    "The bot goes on from where it was.",
    "unavailable": "⚠️ The bot cannot do this now: {why}. Nothing was changed; try again in a moment.",
    "unavailable.stopping": "it is being stopped",
    "unavailable.database": "⚠️ The bot's database does not answer, so it can record nothing and does nothing. "
    "Most likely what you asked for was not taken: see `/rollout status` soon, and ask again if it is not there.",
    "error": "⚠️ {text}",
    # Buttons and their questions
    "button.promote": "Promote",
    "button.promote.to": "Promote to {stage}",
    "button.pause": "Pause",
    "button.resume": "Resume",
    "button.retry.bake": "Bake again",
    "button.retry.ask": "Ask again",
    "button.retry.shift": "Try again",
    "button.adopt": "Adopt",
    "button.restore": "Restore",
    "button.rollback": "Roll back to {version}",
    "button.cancel": "Cancel the rollout",
    "button.back": "Not now",
    "confirm.rollback.title": "Roll {service} back to {version}?",
    "confirm.rollback.text": "All traffic goes to {version} at once, on {n} hosts. No approval is needed.",
    "confirm.cancel.title": "Cancel the rollout of {service}?",
    "confirm.cancel.text": "No traffic was moved yet: everything stays on {version}, and the request ends.",
    "confirm.restore.title": "Write the ordered share again?",
    "confirm.restore.text": "{n} hosts are set to what was approved: {share}. What somebody changed there is "
    "overwritten, and the bake starts anew.",
}
