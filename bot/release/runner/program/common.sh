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

after() { # SECONDS: returns then. In a subshell of its own, which a TERM ends together with the sleep
    : & # so that $! is nobody's before the sleep has it
    trap 'kill "$!" 2>/dev/null; exit 1' TERM
    sleep "$1" &
    wait "$!"
    trap '' TERM
}

life() { # PID: -> state, start (which tells it from a later process of that number)
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    set -- ${stat##*) }
    state=$1 start=${20}
}

boot() { cat /proc/sys/kernel/random/boot_id; }
