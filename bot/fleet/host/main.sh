# What the bot does on one nginx host. POSIX sh; needs nginx, awk, sed, grep, sha256sum, base64, flock, /proc, and bash, curl
# or wget. These parts are joined into one program, which is piped through SSH or installed.
#
#   rollout-host NGINX NGINX_CONF CONF_DIR PID_FILE STATUS WAIT VERB SERVICE [GENERATION EPOCH [SHA256 [BACK]]]
#   rollout-host --loop                requests on stdin, one after the other
#   rollout-host --forced PLACE...     the same, but NGINX NGINX_CONF CONF_DIR PID_FILE STATUS are those of a PLACE, which
#                                      is five words: of the only one, or of the one that was asked for
#
#   ready  SERVICE GENERATION EPOCH SHA256        file on stdin: the way back, tested and kept; for the stages that name it
#   stage  SERVICE GENERATION EPOCH SHA256 BACK   file on stdin: kept beside the live one, tested as it would be. Nothing live
#                                                 changes. BACK: the sum of the way back that must be here, or -
#   commit SERVICE GENERATION EPOCH               the staged file goes live, nginx reloads; what is not taken goes back
#   apply  SERVICE GENERATION EPOCH SHA256        stage and commit in one, for a rollback: interrupts a commit of a lower
#                                                 generation, is not tested again when it is the way back that is ready, and
#                                                 its file stays in place even when nginx does not take it yet
#   revert SERVICE GENERATION EPOCH               the file before GENERATION comes back; nothing to do when it is not live
#   read   SERVICE                                what is on disk and what the workers answer. Changes nothing
#   check  SERVICE                                what the host has and lacks. Changes nothing that is live
#
# GENERATION counts the orders; EPOCH counts the bots that gave them. The host keeps the highest pair it accepted and refuses
# a lower generation (fenced), and of one generation a lower epoch (deposed): a bot that was replaced while it was away.
#
# WAIT: hundredths of a second for the lock, and again for nginx to follow. One JSON line on stdout, always; exit 0 when it
# says "ok":true, else 1. "swapped" says whether the live file is GENERATION's when the program ends. "code" is one of
#   ok usage version busy fenced deposed conflict arrived noback disk include test moved unstaged down not_taken stuck
#
# A request of --loop and --forced is a line, LINES SPEAKS WORD..., and then LINES lines that are the verb's stdin. The
# answer is a line too: the exit status, a space, and the JSON. A request whose end does not arrive is not begun. SPEAKS is
# what the bot takes a request and its answer to mean: an installed program that means another thing refuses (version).
#
# It needs the rights that docs/fleet.md names. As a forced command nothing of the caller's command line is looked at, and
# the places are the command's own.
#
# Killed at any point it leaves the live file whole, old or new, and `pending` tells the next call what to repair.
# Lock, staged and previous files live in CONF_DIR/.rollout-bot, which no include pattern of nginx matches.

stand_in=999999999999999 # no order has this generation
speaks=1                 # one more whenever a request or its answer comes to mean another thing

usage() { fail usage "$1"; }

check_words() { # the words of a request are what they must be
    [ $# -ge 8 ] || usage "needs NGINX NGINX_CONF CONF_DIR PID_FILE STATUS WAIT VERB SERVICE"
    nginx=$1 nginx_conf=$2 conf_dir=${3%/} pid_file=$4 status=$5 wait=$6
    for path in "$nginx_conf" "$conf_dir" "$pid_file"; do
        case $path in /*) matches "$path" A-Za-z0-9._/+@- ;; *) false ;; esac || usage "paths are plain and absolute"
    done
    matches "$nginx" A-Za-z0-9._/+- || usage "NGINX is a program's name or absolute path"
    matches "$status" '][0-9a-f.:' || usage "STATUS is an address and a port"
    matches "$wait" 0-9 && [ ${#wait} -le 6 ] || usage "WAIT is hundredths of a second"
    matches "$8" a-z0-9- && [ ${#8} -le 32 ] || usage "SERVICE is lower-case letters, digits and dashes"
    number "${9:-0}" && [ "${9:-0}" != $stand_in ] || usage "GENERATION is a whole number without leading zeros"
    number "${10:-0}" || usage "EPOCH is a whole number without leading zeros"
    case $7 in ready | stage | apply | commit | revert | read | check) ;; *) usage "the verb is ready, stage, commit, apply, revert, read or check" ;; esac
    generation=${9:-0} epoch=${10:-0} verb=$7 service=$8 sha=${11-} back=${12:--}
    case $verb in ready | stage | apply) matches "$sha" 0-9a-f && [ ${#sha} -eq 64 ] || usage "$verb needs the sha256 of the file on stdin" ;; esac
    [ "$back" = - ] || { matches "$back" 0-9a-f && [ ${#back} -eq 64 ]; } || usage "BACK is the sha256 of the way back, or -"
    [ "$verb" = read ] || [ "$verb" = check ] || [ "$generation" -gt 0 ] || usage "$verb needs a generation from 1"
}

request() { # WORD...: one verb, its stdin in body
    forget
    case $refused in
    version) fail version "the program on this host speaks $speaks, the bot $meant; install the bot's own" ;;
    place) usage "the program on this host was installed for another nginx: ${places#'|'}; install it again" ;;
    esac
    check_words "$@"
    state=$conf_dir/.rollout-bot live=$conf_dir/rollout-$service.conf trial=$conf_dir/.rollout-bot/$service.trial
    tested=$state/$service.tested pending=$state/$service.pending record=$state/$service.seen
    root=${nginx_conf%/*} test_conf=${nginx_conf%/*}/.rollout-bot-test.conf
    [ -d "$conf_dir" ] || fail include "$conf_dir does not exist; create it and include it: include $conf_dir/*.conf; inside http {} of $nginx_conf"
    [ -f "$nginx_conf" ] || fail include "$nginx_conf does not exist; name the right one in fleet.hosts"
    command -v "$nginx" >/dev/null || fail usage "$nginx is not installed on the host, or not in the PATH; name the binary in fleet.hosts"
    bash=''
    ! command -v bash >/dev/null || bash=bash
    [ "$verb" = read ] || [ "$verb" = check ] || [ -d "$state" ] || mkdir -p "$state" 2>/dev/null || { look && full; }
    "do_$verb"
}

placed() { # FIVE WORDS: those of the place that is meant -> here; 1 when there is none
    case $places in
    *'|'*'|'*'|'*) # more than one
        case $places in *"|$*|"*) here=$* ;; *) return 1 ;; esac
        ;;
    *) here=${places#'|'} here=${here%'|'} ;;
    esac
}

serve() { # requests on stdin until its end
    while IFS= read -r asked; do
        set -f
        # every word the bot sends is plain, so the line splits at the spaces
        set -- $asked
        number "${1-}" && [ ${#1} -le 5 ] || set -- 0 "${2-}"
        lines=$1 meant=${2-} body='' refused=''
        shift $(($# < 2 ? $# : 2))
        while [ "$lines" -gt 0 ]; do
            IFS= read -r row || exit 1
            body=$body$row$newline lines=$((lines - 1))
        done
        number "$meant" && [ "$meant" -ne $speaks ] && refused=version
        if [ -n "$places" ] && [ $# -ge 5 ]; then
            placed "$1 $2 $3 $4 $5" || refused=place
            shift 5
            set -- ${here-} "$@"
        fi
        set +f
        code=0
        answer=$(request "$@" </dev/null) || code=$?
        case ${7-} in stage | apply) earlier=$body ;; esac
        printf '%s %s\n' "$code" "$answer" || exit 1
        [ "$refused" != version ] || exit 1 # by the next time it may have been installed anew
    done
}

forget
places='' refused='' earlier=''
case ${1-} in
--loop) serve ;;
--forced)
    shift
    [ $# -ge 5 ] && [ $(($# % 5)) -eq 0 ] || usage "--forced takes NGINX NGINX_CONF CONF_DIR PID_FILE STATUS, once or more"
    places='|'
    while [ $# -gt 0 ]; do
        places="$places$1 $2 $3 $4 $5|"
        shift 5
    done
    serve
    ;;
*)
    body=''
    case ${7-} in ready | stage | apply) body=$(cat)$newline ;; esac
    request "$@" </dev/null
    ;;
esac
