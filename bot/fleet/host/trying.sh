# The whole configuration as it would be with another file in the place of the live one, tried with nginx -t.
#
# nginx resolves every relative path against the directory of the file it is started with, so the copy of nginx.conf
# lies beside the original. In it, the include that finds the live file finds a directory of links instead, where the
# live file's name leads to the file to be tried. Where nginx.conf reaches it only through other files, those are
# copied too.

rewrite='
function folder(path) { sub(/\/[^\/]*$/, "", path); return path }
function base(path) { sub(/.*\//, "", path); return path }
function tidy(path) {
    gsub(/[ \t;"\047]/, "", path)
    if (substr(path, 1, 1) != "/") path = root "/" path
    gsub(/\/(\.\/)*\/*/, "/", path)
    while (match(path, /\/[^\/]+\/\.\.\//)) path = substr(path, 1, RSTART) substr(path, RSTART + RLENGTH)
    return path
}
function pattern(glob,    i, c, out) {
    out = ""
    for (i = 1; i <= length(glob); i++) {
        c = substr(glob, i, 1)
        if (c == "*") out = out "[^/]*"
        else if (c == "?") out = out "[^/]"
        else if (c == "[" || c == "]" || c == "-") out = out c
        else if (c ~ /[A-Za-z0-9_\/]/) out = out c
        else out = out "\\" c
    }
    return "^" out "$"
}
function covers(path) { # whether an include of this path reads the live file
    return (folder(path) == dir || folder(path) == real) && base(live) ~ pattern(base(path))
}
function next_include(rest) { # sets before, path, after; 0 when there is none
    if (!match(rest, /(^|[ \t;{}])include[ \t]+[^;#]*;/)) return 0
    before = substr(rest, 1, RSTART - 1); statement = substr(rest, RSTART, RLENGTH)
    after = substr(rest, RSTART + RLENGTH)
    start = index(statement, "include")
    before = before substr(statement, 1, start - 1)
    path = tidy(substr(statement, start + 7))
    return 1
}
function wanted(file,    n, rest, k, other) { # whether this file leads to the live one, by itself or through another
    for (n = 1; n <= lines[file]; n++) {
        rest = text[file, n]
        while (next_include(rest)) {
            rest = after
            if (index(before, "#")) break
            if (covers(path)) return 1
            for (k = 1; k <= files; k++) {
                other = name[k]
                if (copy[other] != "" && other ~ pattern(path)) return 1
            }
        }
    }
    return 0
}
function instead(    k, out) { # what an include of path becomes
    if (covers(path)) return "include \"" test "/" base(path) "\";"
    out = ""
    for (k = 1; k <= files; k++) if (copy[name[k]] != "" && name[k] ~ pattern(path)) break
    if (k > files) return "include \"" path "\";"
    for (k = 1; k <= files; k++)
        if (name[k] ~ pattern(path)) out = out "include \"" (copy[name[k]] != "" ? copy[name[k]] : name[k]) "\";"
    return out
}
function write(file,    n, rest, done) {
    for (n = 1; n <= lines[file]; n++) {
        rest = text[file, n]; done = ""
        while (next_include(rest)) {
            if (index(done before, "#")) break
            rest = after
            done = done before instead()
        }
        print done rest > copy[file]
    }
    print "" > copy[file]
    close(copy[file])
    print copy[file], file
}
BEGIN {
    if (ENVIRON["alone"] != "") { file = ENVIRON["top"]; name[files = 1] = file; lines[file] = 0; fresh = 1 }
    dir = ENVIRON["dir"]; real = ENVIRON["real"]; root = ENVIRON["root"]; test = ENVIRON["test"]
    live = ENVIRON["live"]; top = ENVIRON["top"]; mine = ENVIRON["mine"]
}
/^# configuration file \/.*:$/ {
    file = substr($0, 22, length($0) - 22)
    if (!(file in lines)) { name[++files] = file; lines[file] = 0; fresh = 1 } else fresh = 0
    next
}
fresh { text[file, ++lines[file]] = $0 }
END {
    for (again = 1; again;) {
        again = 0
        for (i = 1; i <= files; i++)
            if (copy[name[i]] == "" && wanted(name[i])) {
                copy[name[i]] = name[i] == top ? mine : test "." i ".part"
                again = 1
            }
    }
    if (copy[top] == "") exit 1
    for (i = 1; i <= files; i++) if (copy[name[i]] != "") write(name[i])
}'

rewritten() { # FILE [alone]: a dump of the configuration, or nginx.conf itself -> test_conf, and the copies it needs -> copies;
    # 1 when nothing leads to the live file
    copies=$(alone=${2-} dir=$conf_dir real=$real root=$root test=$state/test-$service live=$live \
        top=$nginx_conf mine=$test_conf awk "$rewrite" "$1" 2>/dev/null)
}

made_from() { # -> made, empty when a file is missing: all that the copy of nginx.conf alone comes from, and itself
    sum_of "$nginx_conf"
    made=$sum
    sum_of "$test_conf"
    made="${made:+$made $sum $service ${#rewrite} $nginx_conf $conf_dir $real}"
    [ -n "$sum" ] || made=''
}

rewritten_alone() { # nginx.conf itself leads to the live file. Its copy stays, as long as it would be the same again
    was=$PWD real=$conf_dir
    { cd -P "$conf_dir" && real=$PWD && cd "$was"; } 2>/dev/null || :
    [ -n "$sums" ] || digests "$nginx_conf" "$test_conf"
    made_from
    was=''
    [ ! -f "$state/$service.copied" ] || IFS= read -r was <"$state/$service.copied" || :
    if [ -n "$made" ] && [ "$was" = "$made" ]; then
        copies="$test_conf $nginx_conf"
        return
    fi
    empty "$state/$service.copied" || full
    empty "$test_conf" || full "$root"
    rewritten "$nginx_conf" alone || return
    digests "$nginx_conf" "$test_conf"
    made_from
    { printf '%s\n' "$made" >"$state/$service.copied"; } 2>/dev/null || full
}

links() { # the directory of links is as CONF_DIR is now; made anew only where it is not
    test=$state/test-$service
    fits=true
    [ -d "$test" ] || fits=false
    for entry in "$conf_dir"/*; do
        [ -e "$entry" ] || [ -h "$entry" ] || continue
        [ "$entry" = "$live" ] || [ -h "$test/${entry##*/}" ] || fits=false
    done
    for entry in "$test"/*; do
        [ -h "$entry" ] && [ "$entry" != "$test/${live##*/}" ] || continue
        [ -e "$conf_dir/${entry##*/}" ] || [ -h "$conf_dir/${entry##*/}" ] || fits=false
    done
    [ "$fits" = false ] || [ ! -h "$test/${live##*/}" ] || return 0
    rm -rf "$test"
    mkdir "$test" 2>/dev/null || full
    for entry in "$conf_dir"/*; do
        [ ! -e "$entry" ] || { ln -s "$conf_dir"/* "$test/" 2>/dev/null || full && break; }
    done
    rm -f "$test/${live##*/}"
    ln -s "$state/$service.trial" "$test/${live##*/}" 2>/dev/null || full
}

not_included() {
    rm -f "$test_conf"
    fail include "$nginx_conf does not include $live; add this line inside http {} of $nginx_conf: include $conf_dir/*.conf;"
}

test_config() { # what is in $state/$service.trial, among the whole configuration. Returns when nginx would take it
    links
    left_over=''
    if ! rewritten_alone; then
        left_over=$test_conf
        "$nginx" -T -q -c "$nginx_conf" >"$state/dump" 2>"$state/test.err" || {
            rm -f "$test_conf"
            fail test "nginx -t, before any change: $(complaint_of_test)"
        }
        rewritten "$state/dump" || not_included
    fi
    taken=0
    "$nginx" -t -q -c "$test_conf" 2>"$state/test.err" || taken=$?
    for copied in $copies; do
        case $copied in "$left_over" | "$state"/*.part) out="$out $copied" ;; esac
    done
    if [ $taken -ne 0 ]; then
        said=$(complaint_of_test)
        [ -z "$out" ] || rm -f $out
        fail test "nginx -t: ${said:-failed with status $taken}"
    fi
}

complaint_of_test() { # the first thing nginx minded, with the names that people know
    grep -E '\[emerg\]|\[alert\]|not found' "$state/test.err" | head -n 1 |
        sed "s|$state/test-$service/|$conf_dir/|g; s|$test_conf|$nginx_conf|g; s|$state/$service.trial|$live|g" |
        while read -r complained; do
            set -f
            set -- $copies
            while [ $# -ge 2 ]; do
                case $complained in *"$1"*) complained="${complained%%"$1"*}$2${complained#*"$1"}" ;; esac
                shift 2
            done
            printf '%s\n' "$complained"
        done
}
