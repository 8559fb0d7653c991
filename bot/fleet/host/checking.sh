# What the host has and lacks, for whoever sets it up. Facts alone: the bot knows what is to be made of them.

has() { command -v "$1" >/dev/null 2>&1; }

flag() { # COMMAND...: true or false
    if "$@" 2>/dev/null; then printf true; else printf false; fi
}

tools_missing() {
    lacking=''
    for tool in awk base64 cat chmod cmp cp cut dd flock grep head ln mkdir mv rm sed sha256sum sleep sync tail tr wc; do
        has $tool || lacking="$lacking $tool"
    done
    has bash || has curl || has wget || lacking="$lacking curl"
    printf %s "${lacking# }"
}

left_out() { # modules that this nginx was built without
    "$nginx" -V 2>&1 | tr ' ' '\n' | sed -n 's/^--without-http_\(.*\)_module$/\1/p' | tr '\n' ' '
}

listening() { # whether anything has the address of STATUS, or its port on every address
    port=$(printf %04X "${status##*:}") address=${status%:*}
    case $address in
    '['*) own='[0-9A-F]*' ;;
    *) own=$(printf %s "$address" | awk -F. '{ printf "%02X%02X%02X%02X", $4, $3, $2, $1 }') ;;
    esac
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        awk -v place="^($own|0+):$port\$" '$4 == "0A" && $2 ~ place { found = 1 } END { exit !found }'
}

said_of() { # DUMP: FILE:LINE TEXT of what matters here, no more than that: the rest is nobody's business
    awk -v name="rollout_$(printf %s "$service" | tr - _)" '
        /^# configuration file \/.*:$/ { file = substr($0, 22, length($0) - 22); line = 0; next }
        { line++; sub(/^[ \t]+/, "") }
        /^#/ || file ~ "/rollout-[^/]*[.]conf$" { next }
        /^worker_shutdown_timeout[ \t]/ || index($0, name) { print file ":" line " " substr($0, 1, 200) }
    ' "$1" | head -n 50
}

tried() { # the whole configuration with the file there is, or with an empty one -> its problem, empty when there is none
    verb=check
    if [ -f "$live" ]; then cp "$live" "$trial"; else : >"$trial"; fi 2>/dev/null || full
    test_config
    rm -f "$trial" $out
    exit 0
}

do_check() {
    find_master
    tried=null lines='' answers=''
    mkdir -p "$state" 2>/dev/null || :
    [ ! -w "$state" ] || {
        lock_or_say
        [ ! -f "$trial" ] || mv -f "$trial" "$trial.kept" 2>/dev/null || : # it may wait to go live
        tried=$(tried) && tried=null
        [ ! -f "$trial.kept" ] || mv -f "$trial.kept" "$trial" 2>/dev/null || :
        "$nginx" -T -q -c "$nginx_conf" >"$state/dump" 2>/dev/null || :
        lines=$(said_of "$state/dump" | base64 | tr -d '\n')
        rm -f "$state/dump"
    }
    [ "$master" -eq 0 ] || probe
    room=$(df -Pk "$conf_dir" 2>/dev/null | awk 'NR == 2 { print $4 }')
    printf '{"verb":"check","service":"%s","ok":true,"code":"ok","error":"","user":"%s","root":%s,"speaks":%s,"installed":"%s"' \
        "$service" "$(text "$(id -un)")" "$(flag [ "$(id -u)" -eq 0 ])" "$speaks" "${installed-}"
    printf ',"missing":"%s","nginx":"%s","without":"%s","master":%s,"signal":%s,"present":%s,"answers":%s,"listening":%s' \
        "$(tools_missing)" "$(text "$("$nginx" -v 2>&1)")" "$(left_out)" "$master" \
        "$(flag kill -0 "$master")" "$(flag [ -f "$live" ])" "$(flag [ -n "$answers" ])" "$(flag listening)"
    printf ',"conf_dir":%s,"conf_place":%s,"room":%s,"tried":%s,"lines":"%s"}\n' \
        "$(flag [ -w "$conf_dir" ])" "$(flag [ -w "${nginx_conf%/*}" ])" "${room:-0}" "$tried" "$lines"
    exit 0
}
