# What is kept beside the live file, and who may replace it.
#
#   SERVICE.seen        one line per order accepted: GENERATION SHA256 EPOCH . (the last counts; a torn one does not)
#   SERVICE.pending     the verb and generation of a swap that was not yet read back; empty when there is none
#   SERVICE.trial       the file that is being tested, and then waits to go live
#   SERVICE.tested      its generation and SHA256 once it was; empty as long as it was not
#   SERVICE.copied      what the copy of nginx.conf that is tested was made from
#   SERVICE.N.before    the live file as it was before generation N; empty when there was none
#   SERVICE.SHA256.back the tested way back, a stand-in where its generation will be; SHA256 is its own
#   SERVICE.want.N      a rollback of generation N waits for the lock
#   reserve             room that a rollback gives free when the disk is full

recall() { # the newest pair this host accepted -> seen, seen_epoch; and the sum of its file -> seen_sum
    seen=0 seen_sum='' seen_epoch=0 entries=0
    if [ -f "$record" ]; then
        while read -r of_entry of_sum of_epoch ended _; do
            number "$of_entry" && [ ${#of_sum} -eq 64 ] || continue
            case $of_epoch,$ended in
            ,) of_epoch=0 ;; # written before there were epochs
            *,.) number "$of_epoch" || continue ;;
            *,) number "$of_epoch" && [ $entries -eq 0 ] || continue ;; # written before a line had an end
            *) continue ;;
            esac
            seen=$of_entry seen_sum=$of_sum seen_epoch=$of_epoch entries=$((entries + 1))
        done <"$record"
    fi
    look
    [ "$of" -le "$seen" ] || { seen=$of seen_epoch=0 && digest "$live" && seen_sum=$sum; }
}

note() { # GENERATION SHA256 EPOCH: accepted. A line of its own each, so that one torn by a full disk spoils no other
    if [ $entries -gt 12 ]; then
        put "$1 $2 $3 ." "$record"
    else
        { printf '\n%s\n' "$1 $2 $3 ." >>"$record"; } 2>/dev/null
    fi
}

fence() { # refuses what is older than anything this host was asked to serve
    recall
    [ "$seen" -le "$generation" ] || fail fenced "generation $seen was here before $generation; only a higher one is taken"
    [ "$seen" -lt "$generation" ] || [ "$seen_epoch" -le "$epoch" ] ||
        fail deposed "epoch $seen_epoch of generation $generation was here before epoch $epoch; another bot has taken over"
}

note_epoch() { # the generation is known here, but its bot is a newer one: from now on the older one is refused
    [ "$seen" -eq "$generation" ] && [ "$epoch" -gt "$seen_epoch" ] || return 0
    note "$seen" "$seen_sum" "$epoch"
}

want_way() { # a commit of a lower generation that waits for nginx sees this and gives up
    empty "$state/$service.want.$generation" || :
}

had_way() {
    for want in "$state/$service".want.*; do
        [ ! -f "$want" ] || [ "${want##*.}" -gt "$generation" ] || rm -f "$want"
    done
}

keep_reserve() {
    [ -s "$state/reserve" ] || dd if=/dev/zero of="$state/reserve" bs=1024 count=64 2>/dev/null || { rm -f "$state/reserve" && full; }
}

write() { # FILE, from body; for all to read, since nginx may run as another user. A rollback may use the reserve
    umask 022
    if { printf %s "$body" >"$1"; } 2>/dev/null; then
        wrote=0
    elif [ "$verb" = apply ] && [ -s "$state/reserve" ]; then
        rm -f "$state/reserve"
        { printf %s "$body" >"$1"; } 2>/dev/null && wrote=0 || wrote=$?
    else
        wrote=1
    fi
    umask 077
    return $wrote
}

receive() { # body -> the file to be tested, when it is what was sent
    empty "$tested" || [ "$verb" = apply ] || full # that commits by its own file, not by what is noted
    write "$trial" || full
    digests "$trial" "$@" "$nginx_conf" "$test_conf"
    sum_of "$trial"
    [ "$sum" = "$sha" ] || fail arrived "what arrived is not what was sent (sha256 $sum); send it again"
    header_of "$trial"
    [ "$of" = "$1" ] || fail arrived "the file says generation $of, not $1"
}

same_content() {
    if [ "$seen" -eq "$generation" ] && [ -n "$seen_sum" ] && [ "$seen_sum" != "$sha" ]; then
        fail conflict "generation $generation is already here with other content; take a new generation"
    fi
}

mark_tested() { # the trial may go live
    { printf '%s\n' "$generation $sha" >"$tested"; } 2>/dev/null
}

is_staged() { # whether the trial is this generation's, as accepted and tested
    marked=''
    [ ! -f "$tested" ] || read -r marked <"$tested" || :
    header_of "$trial"
    [ "$marked" = "$generation $seen_sum" ] && [ "$of" -eq "$generation" ] && staged=true
}

is_the_way_back() { # whether body is the tested way back, but for its generation: then it needs no test
    arrived=$inner
    for kept in "$state/$service".*.back; do
        [ -f "$kept" ] && slurp "$kept" || continue
        header_of "$kept"
        made=${content%%"# sha256 $inner$newline"*}"# sha256 $arrived$newline"${content#*"# sha256 $inner$newline"}
        content=''
        while :; do
            case $made in *$stand_in*) ;; *) break ;; esac
            content=$content${made%%"$stand_in"*}$generation made=${made#*"$stand_in"}
        done
        [ "$content$made" != "$body" ] || return 0
    done
    return 1
}

keep_before() { # the live file as it is now, for revert; empty when there is none. Most often it is what was sent last, and
    # that needs no program; whether it is, the digests tell
    before=$state/$service.$generation.before copied=false
    [ "$live_of" -ne "$generation" ] || [ ! -f "$before" ] || return 0
    copied=true
    # half of it does no harm: nothing is staged that it would be put back for
    if [ ! -f "$live" ]; then
        empty "$before" || [ "$verb" = apply ] || full # nobody takes a rollback back
    elif [ -z "$earlier" ] || ! { printf %s "$earlier" >"$before"; } 2>/dev/null; then
        cp "$live" "$before" 2>/dev/null || [ "$verb" = apply ] || full
    fi
}

kept_before() { # the copy has every byte of the live file
    [ $copied = true ] && [ -f "$live" ] || return 0
    sum_of "$live"
    live_sum=$sum
    sum_of "$before"
    [ "$sum" = "$live_sum" ] && [ -n "$sum" ] || cp "$live" "$before" 2>/dev/null || [ "$verb" = apply ] || full
}

is_before() { # whether the live file is as it was when this generation was staged
    before=$state/$service.$generation.before
    if [ -s "$before" ]; then cmp -s "$before" "$live"; else [ ! -f "$live" ]; fi
}

tidy_up() { # what no generation needs any more goes, some at a time
    old_files='' many=0
    for file in "$state/$service".[0-9]*.before "$state/$service".[0-9]*.staged; do
        case $file in *".$live_of."* | *".$generation."* | *'*'*) ;; *) old_files="$old_files $file" many=$((many + 1)) ;; esac
    done
    [ $many -lt 12 ] || out="$out $old_files"
    [ -z "$out" ] || rm -f $out
}

restore_file() { # GENERATION: the file from before it, at once; 1 when that is lost or cannot be written
    before=$state/$service.$1.before
    [ -f "$before" ] || return 1
    if [ -s "$before" ]; then
        # a link needs no space, should the disk be full
        { cp "$before" "$state/$service.tmp" || ln -f "$before" "$state/$service.tmp"; } 2>/dev/null &&
            chmod 644 "$state/$service.tmp" && mv -f "$state/$service.tmp" "$live" 2>/dev/null
    else
        rm -f "$live" 2>/dev/null
    fi
}

begin_swap() { # from here on a killed program leaves work for repair
    { printf '%s\n' "$verb $generation" >"$pending"; } 2>/dev/null
}

end_swap() { empty "$pending"; }
