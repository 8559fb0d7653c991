# What the program and its keeper share.

living() { # PGID: whether anybody in the group is at work; a zombie that nobody collects is not
    cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^.*) //' | grep -q "^[^ZX] [0-9]* $1 "
}

end() { # PGID: asked to end, and made to after two seconds. Its leader alone while it is not yet one
    kill -s TERM -- "-$1" 2>/dev/null || kill -s TERM "$1" 2>/dev/null || return 0
    tries=0
    while [ $tries -lt 20 ] && living "$1"; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -s KILL -- "-$1" 2>/dev/null
}

after() { # SECONDS PID: returns then, 0 while PID is still what it was. In a subshell, which a TERM ends with its sleep
    life "$2" || return 1
    began=$start
    : & # so that $! is nobody's before the sleep has it
    trap 'kill -s KILL "$!" 2>/dev/null; exit 1' TERM # before it is a sleep, the new process may let a TERM pass
    sleep "$1" &
    wait "$!"
    trap '' TERM
    life "$2" && [ "$start" = "$began" ]
}

life() { # PID: -> state, start (which tells it from a later process of that number)
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    set -- ${stat##*) }
    state=$1 start=${20}
}

boot() { cat /proc/sys/kernel/random/boot_id; }
