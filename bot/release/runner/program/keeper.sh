# Keeps one keyed run, and outlives who asked for it: claims the folder, starts the run, ends it at its deadline, and
# writes how it ended.
#
#   sh -c KEEPER rollout-keeper FOLDER SECONDS     with what is to be run in ROLLOUT_SENT
#
#   FOLDER/owner    pid, start and boot of the keeper whose run it is; made at once and by one alone (a hard link)
#   FOLDER/output   what the run printed
#   FOLDER/late     the deadline passed
#   FOLDER/status   how it ended; made at once

dir=$1
mine=$dir/owner.$$
life $$
printf '%s\n' "$$ $start $(boot)" >"$mine" || exit
ln "$mine" "$dir/owner" 2>/dev/null
claimed=$?
rm -f "$mine"
[ $claimed -eq 0 ] || exit
# a claim that a power cut undid would let the run be begun again
sync "$dir/owner" "$dir" "${dir%/*}" 2>/dev/null || sync

setsid sh -c 'eval "$ROLLOUT_SENT"' >"$dir/output" 2>&1 &
run=$!
(
    after "$2"
    : >"$dir/late"
    end "$run"
) &
timer=$!
wait "$run"
status=$?
[ -e "$dir/late" ] || kill "$timer" 2>/dev/null
wait "$timer"
word="exited $status"
[ ! -e "$dir/late" ] || word=timed_out
printf '%s\n' "$word" >"$dir/status.new" && mv "$dir/status.new" "$dir/status"
