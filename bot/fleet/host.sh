#!/bin/sh
# What the bot does on one nginx host. POSIX sh; needs nginx, awk, sed, grep, sha256sum, base64, flock, curl or wget, /proc.
#
#   rollout-host NGINX NGINX_CONF CONF_DIR PID_FILE STATUS WAIT VERB SERVICE [GENERATION EPOCH [SHA256]]
#
#   stage  SERVICE GENERATION EPOCH SHA256   file on stdin: kept beside the live one, tested as it would be. Nothing live changes
#   commit SERVICE GENERATION EPOCH          the staged file goes live, nginx reloads; what is not taken goes back
#   apply  SERVICE GENERATION EPOCH SHA256   stage and commit in one, for a rollback: interrupts a commit of a lower generation,
#                                            and its file stays in place even when nginx does not take it yet
#   revert SERVICE GENERATION EPOCH          the file before GENERATION comes back; nothing to do when GENERATION is not live
#   read   SERVICE                           what is on disk and what the workers answer. Changes nothing
#
# GENERATION counts the orders; EPOCH counts the bots that gave them. The host keeps the highest pair it accepted and refuses
# a lower generation (fenced), and of one generation a lower epoch (deposed): a bot that was replaced while it was away.
#
# WAIT: hundredths of a second for the lock, and again for nginx to follow. One JSON line on stdout, always; exit 0 when it
# says "ok":true, else 1. "swapped" says whether the live file is GENERATION's when the program ends. "code" is one of
#   ok usage busy fenced deposed conflict arrived disk include test moved unstaged down not_taken stuck
#
# It needs the right to write CONF_DIR and NGINX_CONF's directory and to signal nginx. As a forced command:
#   command="/usr/local/sbin/rollout-host --forced nginx /etc/nginx/nginx.conf /etc/nginx/conf.d /run/nginx.pid 127.0.0.1:8911",restrict ssh-ed25519 …
# Then only the verb and its arguments are taken from the caller; paths are the command's own.
#
# Killed at any point it leaves the live file whole, old or new, and `pending` tells the next call what to repair.
# Lock, staged and previous files live in CONF_DIR/.rollout-bot, which no include pattern of nginx matches.
set -u
umask 077
LC_ALL=C
export LC_ALL
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY
trap '' HUP PIPE

verb='' service='' generation=0 epoch=0 swapped=false already=false line='' sum='' master=0 old='' left='' now=0 answers=''
newline='
'

text() { # JSON-safe, one line, 500 bytes at most
    case $1 in *[!\ -~]* | *[\\\"]*) ;; *) [ ${#1} -gt 500 ] || { printf %s "$1" && return; } ;; esac
    printf %s "$1" | tr '\n\t\r' '   ' | tr -d '\000-\037\177' | cut -c1-500 | sed 's/[\\"]/\\&/g'
}

say() { # OK CODE [ERROR]: the one line, and the end
    error='' live=''
    [ -z "${3-}" ] || error=$(text "$3")
    [ -z "$line" ] || live=$(text "$line")
    printf '{"verb":"%s","service":"%s","generation":%s,"ok":%s,"code":"%s","already":%s,"swapped":%s,"live":"%s","error":"%s"}\n' \
        "$verb" "$service" "$generation" "$1" "$2" "$already" "$swapped" "$live" "$error"
    [ "$1" = true ] && exit 0
    exit 1
}

fail() { say false "$@"; }

matches() { # TEXT CHARACTERS: TEXT is not empty and has no others
    case $1 in '' | *[!$2]*) return 1 ;; esac
}

clock() { # hundredths of a second since boot, without a process
    read -r up _ </proc/uptime
    now=${up%.*}${up#*.}
}

nap() { sleep 0.02 2>/dev/null || usleep 20000 2>/dev/null || sleep 1; }

put() { # TEXT FILE, at once or not at all
    (printf '%s\n' "$1" >"$2.tmp") 2>/dev/null && mv -f "$2.tmp" "$2" 2>/dev/null
}

digest() { # FILE -> sum, empty when there is none
    sum=''
    [ -f "$1" ] && sum=$(sha256sum <"$1") && sum=${sum%% *}
}

generation_of() { # FILE -> of, 0 when it has none
    of=0
    [ -f "$1" ] || return 0
    while read -r hash key value _; do
        [ "$hash $key" != '# generation' ] || { of=$value && break; }
        [ "$hash" = '#' ] || break
    done <"$1"
    matches "$of" 0-9 && [ ${#of} -le 15 ] || of=0
}

look() { # swapped: whether the live file is this generation's
    generation_of "$live"
    swapped=false
    [ "$generation" -eq 0 ] || [ "$of" -ne "$generation" ] || swapped=true
}

take_lock() { # 1 when it was not free in time
    clock
    end=$((now + wait))
    (: >>"$state/lock") 2>/dev/null || fail disk "cannot write in $conf_dir: the disk is full or read-only, or the user lacks the right"
    exec 9>>"$state/lock"
    until flock -n 9; do
        command -v flock >/dev/null || fail usage "flock is missing on the host; install util-linux"
        clock
        [ "$now" -lt "$end" ] || return 1
        nap
    done
    look
}

directive() { # NAME: the first absolute path nginx.conf gives it
    sed -n "s/^[[:space:]]*$1[[:space:]]\{1,\}\(\/[^ ;]*\).*/\1/p" "$nginx_conf" 2>/dev/null | head -n 1
}

is_master() { matches "${1:-}" 0-9 && grep -q 'nginx: master' "/proc/$1/cmdline" 2>/dev/null; }

find_master() { # master: the pid, 0 when nginx is not running
    master=0
    [ ! -f "$pid_file" ] || read -r master <"$pid_file" || :
    is_master "$master" && return 0
    other=$(directive pid)
    [ ! -f "$other" ] || read -r master <"$other" || :
    is_master "$master" || master=0
}

accepting() { # PID...: those of them that are workers and still accept -> left
    left=''
    [ $# -gt 0 ] || return 0
    files=''
    for pid in "$@"; do files="$files /proc/$pid/cmdline"; done
    files=$(grep -ls 'worker process' $files) || return 0
    for found in $(grep -Ls 'shutting down' $files); do
        found=${found#/proc/}
        left="$left ${found%/cmdline}"
    done
}

workers() { # the master's workers that accept now -> left
    kids=''
    if [ -r "/proc/$master/task/$master/children" ]; then
        read -r kids <"/proc/$master/task/$master/children" || :
    else
        for stat in /proc/[0-9]*/stat; do
            read -r entry 2>/dev/null <"$stat" || continue
            case $entry in *"(nginx) "?" $master "*) kids="$kids ${entry%% *}" ;; esac
        done
    fi
    accepting $kids
}

probe() { # three answers of whichever workers accept, one per line -> answers; the first -> line
    url=http://$status/rollout/$service
    if command -v curl >/dev/null; then
        answers=$(curl -gs --max-time 2 --noproxy '*' -H "Host: rollout-$service" "$url" "$url" "$url" 2>/dev/null) || answers=''
    else
        answers=$(for _ in 1 2 3; do
            wget -q -T 1 -O - --header "Host: rollout-$service" "$url" 2>/dev/null || exit
        done) || answers=''
    fi
    line=${answers%%"$newline"*}
}

serves() { # GENERATION: every answer says so; 0 means that none of the service is served
    case $1,$answers in
    0,*"rollout-bot service=$service "*) return 1 ;;
    0,*) return 0 ;;
    *,) return 1 ;;
    esac
    while read -r answer; do
        case $answer in
        "rollout-bot service=$service "*" generation=$1 "*) ;;
        *) return 1 ;;
        esac
    done <<END
$answers
END
}

reload() { # tells the master; 1 when that is not allowed
    error_log=$(directive error_log)
    [ -f "$error_log" ] || error_log=/var/log/nginx/error.log
    log_size=0
    [ ! -f "$error_log" ] || log_size=$(wc -c <"$error_log")
    workers
    old=$left
    kill -HUP "$master" 2>/dev/null
}

complaint() { # nginx wrote since the reload that it did not take it -> reason
    [ -f "$error_log" ] || return 1
    reason=$(tail -c "+$((log_size + 1))" "$error_log" 2>/dev/null | grep -F "[emerg] $master#" | head -n 1)
    [ -n "$reason" ]
}

outranked() { # a rollback of a higher generation waits for the lock
    for want in "$state/$service".want.*; do
        [ -f "$want" ] && [ "${want##*.}" -gt "$generation" ] && return 0
    done
    return 1
}

settle() { # GENERATION: 0 once no old worker accepts and it is what they answer; 1 not in time; 2 outranked
    clock
    end=$((now + wait)) round=0 reason=''
    while :; do
        accepting $old
        old=$left
        if [ -z "$old" ]; then
            probe
            serves "$1" && return 0
        fi
        round=$((round + 1))
        [ "$verb" != commit ] || ! outranked || return 2
        [ $((round % 8)) -ne 0 ] || ! complaint || return 1
        clock
        [ "$now" -lt "$end" ] || return 1
        nap
    done
}

restore_file() { # GENERATION: the file from before it, at once; 1 when that is lost or cannot be written
    before=$state/$service.$1.before
    [ -f "$before" ] || return 1
    if [ -s "$before" ]; then
        # a link needs no space, should the disk be full
        { cp "$before" "$state/$service.tmp" || ln -f "$before" "$state/$service.tmp"; } 2>/dev/null &&
            chmod 644 "$state/$service.tmp" && mv -f "$state/$service.tmp" "$live"
    else
        rm -f "$live"
    fi
}

put_back() { # GENERATION: file and workers. 1 when a worker may still serve it
    restore_file "$1" || return 1
    generation_of "$live"
    back=$of
    [ "$master" -ne 0 ] || return 0
    reload
    settle "$back" && return 0
    # a master that takes no reload leaves its workers where they were, which is where they belong
    probe
    serves "$back"
}

repair() { # the last call was killed between its swap and its read-back
    [ -f "$pending" ] || return 0
    read -r kind of_pending <"$pending" || { rm -f "$pending" && return 0; }
    if [ "$of_pending" = "$generation" ]; then
        [ "$verb" = stage ] || return 0
    fi
    find_master
    case $kind,$verb in # a commit goes back, it was never confirmed; a rollback goes on
    commit,apply) restore_file "$of_pending" || : ;;
    apply,apply) ;;
    commit,*)
        put_back "$of_pending" || fail stuck "an interrupted change to generation $of_pending could not be undone: ${reason:-nginx did not answer}"
        rm -f "$pending"
        ;;
    *)
        generation_of "$live"
        if [ "$master" -ne 0 ] && reload; then
            settle "$of" || fail stuck "an interrupted rollback to generation $of was not taken: ${reason:-nginx did not answer}"
        fi
        rm -f "$pending"
        ;;
    esac
    line=''
    look
}

recall() { # the newest pair this host accepted -> seen, seen_epoch; and the sum of its file -> seen_sum
    seen=0 seen_sum='' seen_epoch=0
    [ ! -f "$record" ] || read -r seen seen_sum seen_epoch <"$record" || :
    matches "$seen" 0-9 || seen=0
    matches "$seen_epoch" 0-9 || seen_epoch=0
    generation_of "$live"
    [ "$of" -le "$seen" ] || { seen=$of seen_epoch=0 && digest "$live" && seen_sum=$sum; }
}

fence() { # refuses what is older than anything this host was asked to serve
    recall
    [ "$seen" -le "$generation" ] || fail fenced "generation $seen was here before $generation; only a higher one is taken"
    [ "$seen" -lt "$generation" ] || [ "$seen_epoch" -le "$epoch" ] ||
        fail deposed "epoch $seen_epoch of generation $generation was here before epoch $epoch; another bot has taken over"
}

note_epoch() { # the generation is known here, but its bot is a newer one: from now on the older one is refused
    [ "$seen" -eq "$generation" ] && [ "$epoch" -gt "$seen_epoch" ] || return 0
    put "$seen ${seen_sum:--} $epoch" "$record"
}

receive() { # stdin -> the file to stage
    incoming=$state/$service.incoming
    (cat >"$incoming") 2>/dev/null || fail disk "cannot write in $conf_dir: the disk is full or read-only"
    digest "$incoming"
    [ "$sum" = "$sha" ] || fail arrived "what arrived is not what was sent (sha256 $sum); send it again"
    generation_of "$incoming"
    [ "$of" = "$generation" ] || fail arrived "the file says generation $of, not $generation"
    if [ "$seen" -eq "$generation" ] && [ -n "$seen_sum" ] && [ "$seen_sum" != "$sha" ]; then
        fail conflict "generation $generation is already here with other content; take a new generation"
    fi
}

rewrite_includes() { # nginx.conf with its include of CONF_DIR pointing to the test directory; 1 when there is none
    dir=$conf_dir real=$(cd "$conf_dir" && pwd -P) root=$root test=$state/test awk '
        BEGIN { dir = ENVIRON["dir"]; real = ENVIRON["real"]; root = ENVIRON["root"]; test = ENVIRON["test"]; found = 0 }
        {
            rest = $0; done = ""
            while (match(rest, /(^|[ \t;{}])include[ \t]+[^;#]*;/)) {
                before = done substr(rest, 1, RSTART - 1); statement = substr(rest, RSTART, RLENGTH)
                rest = substr(rest, RSTART + RLENGTH)
                start = index(statement, "include"); path = substr(statement, start + 7)
                gsub(/[ \t;"\047]/, "", path)
                if (substr(path, 1, 1) != "/") path = root "/" path
                gsub(/\/(\.\/)*\/*/, "/", path)
                folder = path; sub(/\/[^\/]*$/, "", folder); name = substr(path, length(folder) + 2)
                if ((folder == dir || folder == real) && index(before, "#") == 0) {
                    statement = substr(statement, 1, start - 1) "include \"" test "/" name "\";"; found = 1
                }
                done = before statement
            }
            print done rest
        }
        END { exit !found }' "$nginx_conf" >"$test_conf"
}

test_config() { # FILE: the whole configuration as it would be with it
    root=${nginx_conf%/*} test_conf=${nginx_conf%/*}/.rollout-bot-test.conf
    add="add this line inside http {} of $nginx_conf: include $conf_dir/*.conf;"
    rm -rf "$state/test"
    mkdir "$state/test" 2>/dev/null || fail disk "cannot write in $conf_dir: the disk is full or read-only"
    for other in "$conf_dir"/*; do
        [ ! -e "$other" ] || { ln -s "$conf_dir"/* "$state/test/" && break; }
    done
    rm -f "$state/test/${live##*/}"
    ln -s "$1" "$state/test/${live##*/}" || fail disk "cannot write in $conf_dir: the disk is full or read-only"
    (: >"$test_conf") 2>/dev/null || fail disk "cannot write in $root: the disk is full or read-only, or the user lacks the right"
    rewrite_includes || { rm -f "$test_conf" && fail include "$nginx_conf does not include $conf_dir; $add"; }
    hits=$({
        "$nginx" -T -c "$test_conf" 2>"$state/test.err"
        echo $? >"$state/test.rc"
    } | grep -cxF "# configuration file $state/test/${live##*/}:")
    rm -f "$test_conf"
    read -r status_of_test <"$state/test.rc"
    if [ "$status_of_test" -ne 0 ]; then
        reason=$(grep -E '\[emerg\]|\[alert\]|not found' "$state/test.err" | head -n 1 | sed "s|$state/test/|$conf_dir/|g; s|$test_conf|$nginx_conf|g")
        fail test "nginx -t: ${reason:-failed with status $status_of_test}"
    fi
    [ "$hits" -gt 0 ] || fail include "$nginx_conf includes files of $conf_dir, but not ${live##*/}; $add"
}

keep_before() { # the live file as it is now, for revert; empty when there is none
    before=$state/$service.$generation.before
    generation_of "$live"
    if [ "$of" -ne "$generation" ] || [ ! -f "$before" ]; then
        if [ -f "$live" ]; then cp "$live" "$before.tmp"; else : >"$before.tmp"; fi 2>/dev/null &&
            mv -f "$before.tmp" "$before" || fail disk "cannot write in $conf_dir: the disk is full or read-only"
    fi
    for file in "$state/$service".[0-9]*.before "$state/$service".[0-9]*.staged; do
        case $file in *".$of."* | *".$generation."* | *'*'*) ;; *) rm -f "$file" ;; esac
    done
}

is_live() { # the live file is this generation's, as accepted, and nothing is half done
    digest "$live"
    generation_of "$live"
    [ "$of" -eq "$generation" ] && [ "$sum" = "$1" ] && [ ! -f "$pending" ] && probe && serves "$generation"
}

prepare() { # receives, fences, tests, keeps
    fence
    repair
    receive
    if is_live "$sha"; then
        rm -f "$incoming"
        note_epoch || fail disk "cannot write in $conf_dir: the disk is full or read-only"
        already=true swapped=true
        return 0
    fi
    line=''
    test_config "$incoming"
    [ "$verb" = apply ] || find_master
    [ "$verb" = apply ] || [ "$master" -ne 0 ] || fail down "nginx is not running (no master process in $pid_file); start it"
    keep_before
    chmod 644 "$incoming"
    mv -f "$incoming" "$staged" && put "$generation $sha $epoch" "$record" || fail disk "cannot write in $conf_dir: the disk is full or read-only"
    [ "$verb" = apply ] || sync "$staged" 2>/dev/null || :
}

swap() { # the staged file goes live and the workers follow; a commit that they do not follow goes back
    find_master
    put "$verb $generation" "$pending" || fail disk "cannot write in $conf_dir: the disk is full or read-only"
    [ ! -f "$staged" ] || mv -f "$staged" "$live" || fail disk "cannot replace $live: the disk is full or read-only"
    swapped=true reason=''
    taken=1
    if [ "$master" -ne 0 ]; then
        if reload; then settle "$generation" && taken=0 || taken=$?; else reason="the user may not signal nginx (pid $master)"; fi
    fi
    [ $taken -ne 2 ] || fail fenced "interrupted by a rollback of a higher generation"
    if [ $taken -eq 0 ]; then
        rm -f "$pending"
        return 0
    fi
    why="nginx did not take the reload: ${reason:-no new worker answered in time}"
    [ "$master" -ne 0 ] || why="nginx is not running (no master process in $pid_file); start it"
    code=not_taken
    [ "$master" -ne 0 ] || code=down
    [ "$verb" = commit ] || fail $code "$why; the file is in place"
    put_back "$generation" || fail stuck "$why; and the previous file could not be brought back"
    swapped=false line=''
    rm -f "$pending"
    fail $code "$why; the previous file is back"
}

do_stage() {
    take_lock || fail busy "another change is under way on the host; try again"
    prepare
    say true ok
}

do_apply() {
    mkdir -p "$state" 2>/dev/null
    (: >"$state/$service.want.$generation") 2>/dev/null || :
    take_lock || fail busy "another change is under way on the host; try again"
    for want in "$state/$service".want.*; do
        [ ! -f "$want" ] || [ "${want##*.}" -gt "$generation" ] || rm -f "$want"
    done
    prepare
    $already || swap
    sync "$live" 2>/dev/null || :
    say true ok
}

do_commit() {
    take_lock || fail busy "another change is under way on the host; try again"
    fence
    repair
    note_epoch || fail disk "cannot write in $conf_dir: the disk is full or read-only"
    if is_live "$seen_sum"; then
        already=true swapped=true
        say true ok
    fi
    line=''
    generation_of "$live"
    if [ "$of" -ne "$generation" ]; then
        [ -f "$staged" ] || fail unstaged "generation $generation is not staged here; stage it first"
        before=$state/$service.$generation.before
        if [ -s "$before" ]; then cmp -s "$before" "$live"; else [ ! -f "$live" ]; fi ||
            fail moved "somebody changed $live after it was staged; look at it, then try again"
    fi
    swap
    say true ok
}

do_revert() {
    take_lock || fail busy "another change is under way on the host; try again"
    recall
    # an older order has nothing to take back where it is not live; where it is, a newer one has the say
    [ "$seen" -gt "$generation" ] && [ "$of" -ne "$generation" ] || fence
    repair
    note_epoch || : # going back needs no disk
    rm -f "$staged"
    generation_of "$live"
    if [ "$of" -ne "$generation" ] && [ ! -f "$pending" ]; then
        already=true
        say true ok
    fi
    find_master
    swapped=true
    put_back "$generation" || fail stuck "the file from before generation $generation could not be brought back: ${reason:-it is lost, or nginx still serves $generation}"
    rm -f "$pending"
    swapped=false
    [ "$master" -ne 0 ] || fail down "nginx is not running; the previous file is back"
    say true ok
}

do_read() {
    busy=false present=false body='' said='' seen=0 seen_epoch=0 half=''
    if [ -w "$state" ]; then take_lock || busy=true; fi
    find_master
    if [ -f "$live" ]; then
        present=true
        digest "$live"
        body=$(base64 <"$live" | tr -d '\n')
    fi
    [ ! -f "$record" ] || read -r seen _ seen_epoch <"$record" || :
    [ ! -f "$pending" ] || read -r half <"$pending" || :
    left=''
    if [ "$master" -ne 0 ]; then
        workers
        probe
        while read -r answer; do
            [ -z "$answer" ] || said="$said${said:+,}\"$(text "$answer")\""
        done <<END
$answers
END
    fi
    printf '{"verb":"read","service":"%s","ok":true,"code":"ok","master":%s,"workers":[%s],"present":%s,"sha256":"%s","seen":%s,"epoch":%s,"pending":"%s","busy":%s,"live":[%s],"body":"%s","error":""}\n' \
        "$service" "$master" "$(echo $left | tr ' ' ,)" "$present" "$sum" "${seen:-0}" "${seen_epoch:-0}" "$half" "$busy" "$said" "$body"
    exit 0
}

usage() { fail usage "$1"; }

if [ "${1-}" = --forced ]; then
    [ $# -eq 6 ] || usage "--forced takes NGINX NGINX_CONF CONF_DIR PID_FILE STATUS"
    # every argument the bot sends is a plain word, so its command line splits at the spaces
    asked=${SSH_ORIGINAL_COMMAND-}
    set -f
    set -- "$2" "$3" "$4" "$5" "$6" ${asked##* rollout-host }
    set +f
    [ $# -ge 13 ] || usage "the command is not one of the bot's"
    nginx=$1 nginx_conf=$2 conf_dir=$3 pid_file=$4 status=$5
    shift 10
    set -- "$nginx" "$nginx_conf" "$conf_dir" "$pid_file" "$status" "$@"
fi
[ $# -ge 8 ] || usage "needs NGINX NGINX_CONF CONF_DIR PID_FILE STATUS WAIT VERB SERVICE"
nginx=$1 nginx_conf=$2 conf_dir=${3%/} pid_file=$4 status=$5 wait=$6
for path in "$nginx_conf" "$conf_dir" "$pid_file"; do
    case $path in /*) matches "$path" A-Za-z0-9._/+@- ;; *) false ;; esac || usage "paths are plain and absolute"
done
matches "$nginx" A-Za-z0-9._/+- || usage "NGINX is a program's name or absolute path"
matches "$status" '][0-9a-f.:' || usage "STATUS is an address and a port"
matches "$wait" 0-9 && [ ${#wait} -le 6 ] || usage "WAIT is hundredths of a second"
matches "$8" a-z0-9- && [ ${#8} -le 32 ] || usage "SERVICE is lower-case letters, digits and dashes"
generation=${9:-0} epoch=${10:-0}
matches "$generation" 0-9 && [ ${#generation} -le 15 ] || { generation=0 && usage "GENERATION is a whole number"; }
matches "$epoch" 0-9 && [ ${#epoch} -le 15 ] || { epoch=0 && usage "EPOCH is a whole number"; }
case $epoch in 0?*) epoch=0 && usage "EPOCH is a whole number without leading zeros" ;; esac
case $generation in 0?*) generation=0 && usage "GENERATION is a whole number without leading zeros" ;; esac
case $7 in stage | apply | commit | revert | read) ;; *) usage "the verb is stage, commit, apply, revert or read" ;; esac
verb=$7 service=$8 sha=${11-}
state=$conf_dir/.rollout-bot live=$conf_dir/rollout-$service.conf
staged=$state/$service.$generation.staged pending=$state/$service.pending record=$state/$service.seen

[ -d "$conf_dir" ] || fail include "$conf_dir does not exist; create it and include it: include $conf_dir/*.conf; inside http {} of $nginx_conf"
[ -f "$nginx_conf" ] || fail include "$nginx_conf does not exist; name the right one in fleet.hosts"
command -v "$nginx" >/dev/null || fail usage "$nginx is not installed on the host, or not in the PATH; name the binary in fleet.hosts"
look
if [ "$verb" != read ]; then
    [ "$generation" -gt 0 ] || usage "$verb needs a generation from 1"
    [ -d "$state" ] || mkdir -p "$state" 2>/dev/null || fail disk "cannot write in $conf_dir: the disk is full or read-only, or the user lacks the right"
fi
case $verb in stage | apply) matches "$sha" 0-9a-f && [ ${#sha} -eq 64 ] || usage "$verb needs the sha256 of the file on stdin" ;; esac
"do_$verb"
