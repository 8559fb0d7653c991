# Runs what the bot sends. Sent along with every run: a machine needs a POSIX shell, setsid and /proc, no more.
#
#   sh -c MAIN rollout-run plain MARK LINES SECONDS merged|apart
#   sh -c MAIN rollout-run once  MARK LINES SECONDS start|join KEY KEEPER
#
# Standard input: LINES lines of shell in which the bot has quoted everything; after them nothing, until the bot hangs
# up or is gone. Then a plain run is ended with its whole group, while a keyed one goes on under its keeper.
# Standard error ends with what came of it: MARK WORD DETAIL.

verb=$1 mark=$2 lines=$3 seconds=$4 how=$5 key=$6 keeper=$7
watchers=''
exec 3<&0 </dev/null

tell() {
    [ -z "$watchers" ] || kill $watchers 2>/dev/null
    printf '\n%s %s\n' "$mark" "$*" >&2
    exit 0
}

receive() { # -> ROLLOUT_SENT
    ROLLOUT_SENT=''
    while [ "$lines" -gt 0 ]; do
        IFS= read -r line <&3 || exit 0
        ROLLOUT_SENT="$ROLLOUT_SENT$line
"
        lines=$((lines - 1))
    done
    export ROLLOUT_SENT
}

plain() {
    if [ "$how" = merged ]; then
        setsid sh -c 'eval "$ROLLOUT_SENT"' 2>&1 3<&- &
    else
        setsid sh -c 'eval "$ROLLOUT_SENT"' 3<&- &
    fi
    run=$!
    (
        read -r line <&3
        end "$run"
    ) >/dev/null 2>&1 &
    watchers=$!
    ( # the bot ends it at its deadline; this is for when the network between has died without a word
        after "$seconds"
        end "$run"
    ) >/dev/null 2>&1 3<&- &
    watchers="$watchers $!"
    wait "$run"
    status=$?
    kill -s 0 -- "-$run" 2>/dev/null && end "$run"
    tell exited $status
}

kept() { # whether the keeper of the run is still there
    read -r pid began booted <"$dir/owner" && [ "$booted" = "$(boot)" ] || return 1
    life "$pid" && [ "$start" = "$began" ] && [ "$state" != Z ]
}

begin() {
    (umask 077 && mkdir -p "$dir") 2>/dev/null ||
        tell not_runnable "the folder $dir cannot be made; free some space, or let the user write there"
    find "$base"/* -prune -mtime +30 -exec rm -rf {} + 2>/dev/null
    setsid sh -c "$keeper" rollout-keeper "$dir" "$seconds" >/dev/null 2>&1 3<&- &
    wait "$!"
    [ -e "$dir/owner" ] || tell not_runnable "nothing can be written in $dir; free some space there"
}

once() {
    state_home=${XDG_STATE_HOME:-${HOME:+$HOME/.local/state}}
    [ -n "$state_home" ] || tell not_runnable "the user has no HOME to remember in what was run; give it one"
    base=$state_home/rollout-bot dir=$state_home/rollout-bot/$key
    [ "$how" = start ] || [ -d "$dir" ] ||
        tell unknown "another of the bot's machines may have begun it, and this one knows nothing of it"
    (
        read -r line <&3
        kill "$$"
    ) >/dev/null 2>&1 &
    watchers=$!
    [ -e "$dir/owner" ] || begin
    while [ ! -e "$dir/status" ]; do
        if ! kept && [ ! -e "$dir/status" ]; then
            tail -c 65536 "$dir/output" 2>/dev/null
            tell unknown "it was begun and is gone, and left no word of how it ended (a restart, or killed)"
        fi
        sleep 0.2
    done
    tail -c 65536 "$dir/output"
    read -r word <"$dir/status"
    tell "$word"
}

command -v setsid >/dev/null && life $$ || tell not_runnable "it has no setsid or no /proc; install util-linux"
receive
$verb
