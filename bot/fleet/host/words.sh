# Small tools of the host program, and its one line of answer.
set -u
umask 077
LC_ALL=C
export LC_ALL
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY BASH_ENV ENV
trap '' HUP PIPE

newline='
'

forget() { # every request starts from nothing
    verb='' service='' generation=0 epoch=0 swapped=false already=false line='' sum='' master=0 old='' left='' now=0
    answers='' reason='' copies='' out='' sums='' staged=false
}

plain() { # TEXT: as it is it can stand in the answer
    case $1 in *[!\ -~]* | *[\\\"]*) return 1 ;; esac
    [ ${#1} -le 500 ]
}

text() { # JSON-safe, one line, 500 bytes at most
    ! plain "$1" || { printf %s "$1" && return; }
    printf %s "$1" | tr '\n\t\r' '   ' | tr -d '\000-\037\177' | cut -c1-500 | sed 's/[\\"]/\\&/g'
}

say() { # OK CODE [ERROR]: the one line, and the end of the request
    error=${3-}
    plain "$error" || error=$(text "$error")
    printf '{"verb":"%s","service":"%s","generation":%s,"ok":%s,"code":"%s","already":%s,"swapped":%s,"live":"%s","error":"%s"}\n' \
        "$verb" "$service" "$generation" "$1" "$2" "$already" "$swapped" "$line" "$error"
    [ "$1" = true ] && exit 0
    exit 1
}

fail() { say false "$@"; }

full() { fail disk "cannot write in ${1:-$conf_dir}: the disk is full or read-only, or the user lacks the right"; }

matches() { # TEXT CHARACTERS: TEXT is not empty and has no others
    case $1 in '' | *[!$2]*) return 1 ;; esac
}

number() { # TEXT: a whole number of at most 15 digits, as the shell can compare
    matches "$1" 0-9 && [ ${#1} -le 15 ] || return 1
    case $1 in 0?*) return 1 ;; esac
}

clock() { # hundredths of a second since boot, without a process
    read -r up _ </proc/uptime
    now=${up%.*}${up#*.}
}

nap() { sleep "0.$1" 2>/dev/null || usleep "${1}0000" 2>/dev/null || sleep 1; }

empty() { # FILE: made, or emptied. `true`, since a redirection of `:` that fails would end the shell
    { true >"$1"; } 2>/dev/null
}

put() { # TEXT FILE, at once or not at all
    { printf '%s\n' "$1" >"$2.tmp"; } 2>/dev/null && mv -f "$2.tmp" "$2" 2>/dev/null
}

slurp() { # FILE -> content; 1 when it is not one the bot would write, and a program is quicker
    content='' rows=0
    while IFS= read -r row || [ -n "$row" ]; do
        content=$content$row$newline rows=$((rows + 1))
        [ $rows -lt 3000 ] || return 1
    done <"$1"
}

digests() { # FILE... -> sums, for sum_of: one process for all of them
    sums=$newline$(sha256sum "$@" 2>/dev/null)$newline
}

sum_of() { # FILE -> sum, empty when there was none
    sum=${sums%%"  $1$newline"*}
    [ "$sum" != "$sums" ] && sum=${sum##*"$newline"} || sum=''
}

digest() { # FILE -> sum, empty when there is none
    sum=''
    [ -f "$1" ] && sum=$(sha256sum <"$1") && sum=${sum%% *}
}

header_of() { # FILE -> of, its generation, 0 when it has none; and inner, the sum of its content
    of=0 inner=''
    [ -f "$1" ] || return 0
    while read -r hash key value _; do
        case "$hash $key" in
        '# generation') of=$value ;;
        '# sha256') inner=$value && break ;;
        '# '*) ;;
        *) break ;;
        esac
    done <"$1"
    number "$of" || of=0
}

look() { # -> live_of, the generation of the live file; swapped: whether it is this one
    header_of "$live"
    live_of=$of swapped=false
    [ "$generation" -eq 0 ] || [ "$of" -ne "$generation" ] || swapped=true
}

try_lock() { # 1 when another request holds it
    flock -n 9 && return
    command -v flock >/dev/null || fail usage "flock is missing on the host; install util-linux"
    return 1
}

take_lock() { # 1 when it was not free in time
    { true >>"$state/lock"; } 2>/dev/null || { look && full; }
    exec 9>>"$state/lock"
    if ! try_lock; then
        [ "$verb" != apply ] || want_way
        clock
        end=$((now + wait))
        until try_lock; do
            clock
            [ "$now" -lt "$end" ] || return 1
            nap 02
        done
    fi
}
