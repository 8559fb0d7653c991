# The verbs. Each runs under the lock and ends in one line.

put_back() { # GENERATION: file and workers. 1 when a worker may still serve it
    restore_file "$1" || return 1
    header_of "$live"
    back_to=$of
    [ "$master" -ne 0 ] || return 0
    reload
    settle "$back_to" && return 0
    # a master that takes no reload leaves its workers where they were, which is where they belong
    probe
    serves "$back_to"
}

repair() { # the last call was killed between its swap and its read-back
    [ -s "$pending" ] || return 0
    read -r kind of_pending <"$pending" && number "$of_pending" || { end_swap && return 0; }
    if [ "$of_pending" = "$generation" ]; then
        [ "$verb" = stage ] || return 0
    fi
    find_master
    case $kind,$verb in # a commit goes back, it was never confirmed; a rollback goes on
    commit,apply) restore_file "$of_pending" || : ;;
    apply,apply) ;;
    commit,*)
        put_back "$of_pending" || fail stuck "an interrupted change to generation $of_pending could not be undone: ${reason:-nginx did not answer}"
        end_swap
        ;;
    *)
        header_of "$live"
        if [ "$master" -ne 0 ] && reload; then
            settle "$of" || fail stuck "an interrupted rollback to generation $of was not taken: ${reason:-nginx did not answer}"
        fi
        end_swap
        ;;
    esac
    line=''
    look
}

is_live() { # the live file is this generation's, as accepted, and nothing is half done
    [ "$live_of" -eq "$generation" ] && [ ! -s "$pending" ] || return 1
    digest "$live"
    [ "$sum" = "$1" ] && probe && serves "$generation"
}

prepare() { # fences, receives, tests, keeps
    fence
    repair
    same_content
    if is_live "$sha"; then
        note_epoch || full
        already=true swapped=true
        return 0
    fi
    line=''
    [ "$back" = - ] || [ -f "$state/$service.$back.back" ] || fail noback "the way back is not here; send it first"
    keep_before
    receive "$generation" "$live" "$before"
    kept_before
    [ "$verb" = apply ] || { find_master && [ "$master" -ne 0 ]; } ||
        fail down "nginx is not running (no master process in $pid_file); start it"
    [ "$verb" = apply ] && is_the_way_back || test_config
    tidy_up
    [ "$verb" = apply ] || sync "$trial" 2>/dev/null || :
    note "$generation" "$sha" "$epoch" || [ "$verb" = apply ] || full # a rollback's own file says its generation
    mark_tested || [ "$verb" = apply ] || full
}

swap() { # the staged file goes live and the workers follow; a commit that they do not follow goes back
    find_master
    begin_swap || [ "$verb" = apply ] || full
    if [ "$verb" = apply ] || [ "$staged" = true ] || is_staged; then
        mv -f "$trial" "$live" 2>/dev/null || full
    fi
    swapped=true reason=''
    taken=1
    if [ "$master" -ne 0 ]; then
        if reload; then settle "$generation" && taken=0 || taken=$?; else reason="the user may not signal nginx (pid $master)"; fi
    fi
    [ $taken -ne 2 ] || fail fenced "interrupted by a rollback of a higher generation"
    if [ $taken -eq 0 ]; then
        end_swap
        return 0
    fi
    why="nginx did not take the reload: ${reason:-no new worker answered in time}"
    [ "$master" -ne 0 ] || why="nginx is not running (no master process in $pid_file); start it"
    code=not_taken
    [ "$master" -ne 0 ] || code=down
    [ "$verb" = commit ] || fail $code "$why; the file is in place"
    put_back "$generation" || fail stuck "$why; and the previous file could not be brought back"
    swapped=false line=''
    end_swap
    fail $code "$why; the previous file is back"
}

lock_or_say() { take_lock || { look && false; } || fail busy "another change is under way on the host; try again"; }

do_ready() { # the file on stdin is the way back of the orders to come; they name it by its sum
    lock_or_say
    fence
    repair
    keep_reserve
    if [ -f "$state/$service.$sha.back" ]; then
        already=true
        say true ok
    fi
    receive "$stand_in"
    test_config
    for kept in "$state/$service".*.back; do [ ! -f "$kept" ] || out="$out $kept"; done
    [ -z "$out" ] || rm -f $out
    mv -f "$trial" "$state/$service.$sha.back" 2>/dev/null || full
    say true ok
}

do_stage() {
    lock_or_say
    prepare
    say true ok
}

do_apply() {
    lock_or_say
    had_way
    prepare
    $already || swap
    sync "$live" 2>/dev/null || :
    say true ok
}

do_commit() {
    lock_or_say
    fence
    repair
    note_epoch || full
    if is_live "$seen_sum"; then
        already=true swapped=true
        say true ok
    fi
    line=''
    if [ "$live_of" -ne "$generation" ]; then
        is_staged || fail unstaged "generation $generation is not staged here; stage it first"
        is_before || fail moved "somebody changed $live after it was staged; look at it, then try again"
    fi
    swap
    say true ok
}

do_revert() {
    lock_or_say
    recall
    # an older order has nothing to take back where it is not live; where it is, a newer one has the say
    [ "$seen" -gt "$generation" ] && [ "$of" -ne "$generation" ] || fence
    repair
    note_epoch || : # going back needs no disk
    empty "$tested" || :
    header_of "$live"
    if [ "$of" -ne "$generation" ] && [ ! -s "$pending" ]; then
        already=true
        say true ok
    fi
    find_master
    swapped=true
    put_back "$generation" || fail stuck "the file from before generation $generation could not be brought back: ${reason:-it is lost, or nginx still serves $generation}"
    end_swap
    swapped=false
    [ "$master" -ne 0 ] || fail down "nginx is not running; the previous file is back"
    say true ok
}

do_read() {
    busy=false present=false content='' said='' half=''
    if [ -w "$state" ]; then take_lock || busy=true; fi
    recall
    find_master
    if [ -f "$live" ]; then
        present=true
        digest "$live"
        content=$(base64 <"$live" | tr -d '\n')
    else
        sum=''
    fi
    [ ! -s "$pending" ] || read -r half <"$pending" || :
    left=''
    if [ "$master" -ne 0 ]; then
        workers
        probe
        while read -r answer; do
            [ -n "$answer" ] || continue
            plain "$answer" || answer=$(text "$answer")
            said="$said${said:+,}\"$answer\""
        done <<END
$answers
END
    fi
    pids=''
    for pid in $left; do pids="$pids${pids:+,}$pid"; done
    printf '{"verb":"read","service":"%s","ok":true,"code":"ok","master":%s,"workers":[%s],"present":%s,"sha256":"%s","seen":%s,"epoch":%s,"pending":"%s","busy":%s,"live":[%s],"body":"%s","error":""}\n' \
        "$service" "$master" "$pids" "$present" "$sum" "$seen" "$seen_epoch" "$half" "$busy" "$said" "$content"
    exit 0
}
