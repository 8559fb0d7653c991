# nginx as it runs here: its processes, what they answer, and making them follow a file.

directive() { # NAME: the first absolute path nginx.conf gives it -> path; without a process, since every reload asks
    path=''
    while read -r key value; do
        case $key,$value in "$1",/*) path=${value%%[ ;]*} && return ;; esac
    done <"$nginx_conf"
}

title_of() { # PID -> title: how the process calls itself, empty when it is gone
    title=''
    { read -r title <"/proc/$1/cmdline"; } 2>/dev/null || :
}

is_master() {
    number "${1:-}" || return 1
    title_of "$1"
    case $title in *'nginx: master'*) ;; *) return 1 ;; esac
}

find_master() { # master: the pid, 0 when nginx is not running
    master=0
    [ ! -f "$pid_file" ] || read -r master <"$pid_file" || :
    is_master "$master" && return 0
    directive pid
    [ ! -f "$path" ] || read -r master <"$path" || :
    is_master "$master" || master=0
}

accepting() { # PID...: those of them that are workers and still accept -> left
    left=''
    for pid in "$@"; do
        title_of "$pid"
        case $title in
        *'worker process is shutting down'*) ;;
        *'worker process'*) left="$left $pid" ;;
        esac
    done
}

workers() { # the master's workers that accept now -> left
    kids=''
    if [ -r "/proc/$master/task/$master/children" ]; then
        read -r kids <"/proc/$master/task/$master/children" || :
    else
        for stat in /proc/[0-9]*/stat; do
            { read -r entry <"$stat"; } 2>/dev/null || continue
            case $entry in *"(nginx) "?" $master "*) kids="$kids ${entry%% *}" ;; esac
        done
    fi
    accepting $kids
}

# For bash, which connects, waits and reads without another process: a third of the work of curl, which loads a dozen
# libraries. $1 address, $2 port, $3 service; and to follow a reload $4 generation, $5 whom to wait for, $6 who interrupts.
asking='
ask() { # three answers -> answers
    answers=
    for _ in 1 2 3; do
        heard=
        {
            printf "GET /rollout/%s HTTP/1.0\r\nHost: rollout-%s\r\n\r\n" "$3" "$3" >&7
            IFS= read -r -t 2 -N 4096 heard <&7
        } 7<>"/dev/tcp/$1/$2" || [ "$heard" ] || return
        heard=${heard%$'"'\\n'"'}
        case $heard in "HTTP/1."?" 200 "*) ;; *) return ;; esac
        answers+=${heard##*$'"'\\n'"'}$'"'\\n'"'
    done
}
'
following='
exec 8<> <(:) || exit # nothing to read there, ever: a sleep
for rest in 0.11 0.02 0.03 0.05 0.08 0.12 0.18; do # a host that is slow has other things to do
    read -r -t $rest -u 8 _
    left=
    for pid in $5; do
        title=
        read -r title <"/proc/$pid/cmdline"
        case $title in *"shutting down"*) ;; *"worker process"*) left=$pid ;; esac
    done
    if [ ! "$left" ]; then
        ask "$@"
        all=$answers
        for _ in 1 2 3; do
            case $all in "rollout-bot service=$3 "*" generation=$4 "*) all=${all#*$'"'\\n'"'} ;; *) continue 2 ;; esac
        done
        [ "$all" ] || break
    fi
    for want in "$6".*; do [ ! -f "$want" ] || exit; done
done
printf %s "$answers"
'

with_bash() { # PROGRAM [GENERATION OLD WANT] -> answers
    port=${status##*:} address=${status%:*}
    address=${address#[} address=${address%]}
    program=$1
    shift
    answers=$(bash --norc -c "$asking$program" bash "$address" "$port" "$service" "$@" 2>/dev/null) || answers=''
}

probe() { # three answers of whichever workers accept, one per line -> answers; the first -> line
    answers=''
    [ -z "$bash" ] || with_bash 'ask "$@"; printf %s "$answers"'
    url=http://$status/rollout/$service
    if [ -n "$answers" ]; then
        :
    elif command -v curl >/dev/null; then
        answers=$(curl -qgs --max-time 2 --noproxy '*' -H "Host: rollout-$service" "$url" "$url" "$url" 2>/dev/null) || answers=''
    else
        answers=$(for _ in 1 2 3; do
            wget -q -T 1 -O - --header "Host: rollout-$service" "$url" 2>/dev/null || exit
        done) || answers=''
    fi
    line=${answers%%"$newline"*}
    plain "$line" || line=$(text "$line")
}

serves() { # GENERATION: every answer says so; 0 means that none of the service is served
    case $1,$answers in
    0,*"rollout-bot service=$service "*) return 1 ;;
    0,*) return 0 ;;
    *,) return 1 ;;
    esac
    unread=$answers$newline
    while [ -n "$unread" ]; do
        case ${unread%%"$newline"*} in
        "rollout-bot service=$service "*" generation=$1 "*) unread=${unread#*"$newline"} ;;
        *) return 1 ;;
        esac
    done
}

reload() { # tells the master; 1 when that is not allowed
    directive error_log
    error_log=$path
    [ -f "$error_log" ] || error_log=/var/log/nginx/error.log
    log_size=0
    [ ! -s "$error_log" ] || log_size=$(wc -c <"$error_log")
    workers
    old=$left
    kill -HUP "$master" 2>/dev/null
}

complaint() { # nginx wrote since the reload that it will not take it -> reason. 1 when it may still
    [ -f "$error_log" ] || return 1
    complaints=$(tail -c "+$((log_size + 1))" "$error_log" 2>/dev/null | grep -F "[emerg] $master#")
    reason=${complaints%%"$newline"*}
    case $complaints in
    '') return 1 ;;
    *'still could not bind()'*) ;;
    *' in use)'*) return 1 ;; # it tries again for seconds, and takes the reload should the address come free
    esac
}

outranked() { # a rollback of a higher generation waits for the lock
    for want in "$state/$service".want.*; do
        [ -f "$want" ] && [ "${want##*.}" -gt "$generation" ] && return 0
    done
    return 1
}

settle() { # GENERATION: 0 once no old worker accepts and it is what they answer; 1 not in time; 2 outranked
    clock
    end=$((now + wait)) round=0 rest=03 reason=''
    # nginx itself lets the old workers accept for a tenth of a second more
    if [ -n "$bash" ] && [ "$1" -ne 0 ] && [ "$wait" -ge 50 ]; then
        with_bash "$following" "$1" "$old" "$state/$service.want"
        accepting $old
        line=${answers%%"$newline"*}
        [ -n "$left" ] || ! serves "$1" || return 0
    elif [ -n "$old" ]; then
        nap 11
    fi
    while :; do
        accepting $old
        old=$left
        if [ -z "$old" ]; then
            probe
            serves "$1" && return 0
        fi
        round=$((round + 1))
        [ "$verb" != commit ] || ! outranked || return 2
        clock
        [ "$now" -lt "$end" ] || { complaint || :; return 1; }
        [ $((round % 8)) -ne 0 ] || ! complaint || return 1
        case $round in 3) rest=06 ;; 6) rest=12 ;; 12) rest=25 ;; esac # a host that is slow has other things to do
        nap $rest
    done
}
