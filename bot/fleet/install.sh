# Sets one host up for the bot; run by root, as often as one likes. Its values, and a function that prints the program, come
# before it (bot/fleet/installing.py): $user $key $program $forced $sudoers.
set -eu
umask 022
PATH=$PATH:/usr/sbin:/sbin

fail() {
    printf '%s\n' "rollout-bot: $*" >&2
    exit 1
}

[ "$(id -u)" -eq 0 ] || fail "this must run as root: sudo sh"

mkdir -p "${program%/*}"
program_text >"$program.new"
chmod 755 "$program.new"
mv -f "$program.new" "$program"
echo "written: $program"

if ! id "$user" >/dev/null 2>&1; then
    if command -v useradd >/dev/null; then
        useradd --system --create-home --home-dir "/var/lib/$user" --shell /bin/sh "$user"
        usermod -p '*' "$user" # no password, yet not locked: a locked user gets in with no key either
    else
        adduser -S -D -h "/var/lib/$user" -s /bin/sh "$user"
        sed -i "s/^$user:!/$user:*/" /etc/shadow
    fi
    echo "made: user $user"
fi

if [ -n "$sudoers" ]; then
    command -v sudo >/dev/null || fail "sudo is not installed; install it (apt-get install sudo), or let fleet.ssh.user be root"
    printf '%s\n' "$sudoers" >/etc/sudoers.d/.rollout-bot.new
    chmod 440 /etc/sudoers.d/.rollout-bot.new
    visudo -cqf /etc/sudoers.d/.rollout-bot.new || fail "sudo does not take this line: $sudoers"
    mv -f /etc/sudoers.d/.rollout-bot.new /etc/sudoers.d/rollout-bot
    echo "written: /etc/sudoers.d/rollout-bot"
fi

home=$(awk -F: -v user="$user" '$1 == user { print $6 }' /etc/passwd)
[ -n "$home" ] || home=$(getent passwd "$user" | cut -d: -f6)
[ -n "$home" ] || fail "user $user has no home directory"
keys=$home/.ssh/authorized_keys
mkdir -p "$home/.ssh"
[ -f "$keys" ] || : >"$keys"
{
    grep -vF "$key" "$keys" || : # what this very key could do so far; other keys stay as they are
    printf '%s\n' "$forced"
} >"$keys.new"
chown "$user" "$home/.ssh" "$keys.new"
chmod 700 "$home/.ssh"
chmod 600 "$keys.new"
mv -f "$keys.new" "$keys"
echo "written: $keys"
