"""Chinese: what cannot be written into the generated nginx file or onto a command line (bot.fleet)."""

SENTENCES: dict[str, str] = {
    "service {name} cannot name nginx variables; use lower-case letters, digits and single dashes, starting with a "
    "letter, {most:number} characters at most": (
        "服务名 {name} 不能用作 nginx 变量名；请用小写字母、数字和单个连字符，以字母开头，最多 {most} 个字符"
    ),
    "service {name} would share an nginx variable with another; choose one not ending in -pool": (
        "服务名 {name} 会与别的服务共用 nginx 变量；请换一个不以 -pool 结尾的名称"
    ),
    "{what:said} has characters nginx could misread; use letters, digits, '.', '_', '-' only": (
        "{what} 含有 nginx 可能误读的字符；只能用字母、数字和 '.'、'_'、'-'"
    ),
    "generation {number} is out of range; use a whole number from 1 to {most:number}": (
        "代次 {number} 超出范围；请用 1 至 {most} 的整数"
    ),
    "epoch {number} is out of range; use a whole number from 0 to {most:number}": (
        "任期 {number} 超出范围；请用 0 至 {most} 的整数"
    ),
    "weight {share} is not a share nginx can split; use 0 to 100 with two decimals at most": (
        "权重 {share} 不是 nginx 能划分的比例；请用 0 至 100，最多两位小数"
    ),
    "backend {address} is not an address and a port; write it like 10.0.1.10:5000 or [2001:db8::1]:5000 (an IP "
    "address, because a name that stops resolving would block a rollback)": (
        "后端 {address} 不是地址和端口；请写成 10.0.1.10:5000 或 [2001:db8::1]:5000（须为 IP：域名一旦无法解析会挡"
        "住回滚）"
    ),
    "the {pool:word} pool is empty; name at least one backend": "{pool} 池为空；请至少写一个后端",
    "backend {address} is listed twice; a backend belongs to one pool, once": (
        "后端 {address} 写了两次；一个后端只能属于一个池，且只写一次"
    ),
    "internal network {net} is not usable ({why}); write it like 10.0.0.0/8": (
        "内部网段 {net} 无法使用（{why}）；请写成 10.0.0.0/8"
    ),
    "sticky_by {name} is not one nginx variable; write it like $cookie_uid or $remote_addr": (
        "sticky_by {name} 不是一个 nginx 变量；请写成 $cookie_uid 或 $remote_addr"
    ),
    "cookie {name} cannot be an nginx variable; use letters, digits and '_' in its name": (
        "cookie {name} 不能用作 nginx 变量；名称只能用字母、数字和 '_'"
    ),
    "header {name} cannot be an nginx variable; use letters, digits and '-' in its name": (
        "请求头 {name} 不能用作 nginx 变量；名称只能用字母、数字和 '-'"
    ),
    "traffic.upstream {name} is not the name of an upstream; the weighted strategy stands in for the one your "
    "proxy_pass names: write that name (letters, digits, '_', '.', '-')": (
        "traffic.upstream {name} 不是 upstream 的名称；weighted 策略会替代 proxy_pass 所写的那一个：请写该名称（字"
        "母、数字、'_'、'.'、'-'）"
    ),
    "traffic.upstream {name} is one of the bot's own upstreams; name the one you used before": (
        "traffic.upstream {name} 是机器人自己的 upstream；请写原来使用的那一个"
    ),
    "{what:said} is not a plain absolute path; use letters, digits and ./_-+@ only": (
        "{what} 不是普通的绝对路径；只能用字母、数字和 ./_-+@"
    ),
    "status {address} can be reached from outside; use a loopback address like 127.0.0.1:8911": (
        "status {address} 从外部可以访问；请用回环地址，例如 127.0.0.1:8911"
    ),
    "host {host:word}: nginx {nginx} is not a program's name or absolute path": (
        "主机 {host}：nginx {nginx} 不是程序名或绝对路径"
    ),
    "mode {mode} is unknown; use shift, stable or canary": "没有模式 {mode}；请用 shift、stable 或 canary",
    "keepalive {number} is out of range; use 0 to 1024 idle connections": (
        "keepalive {number} 超出范围；请用 0 至 1024 个空闲连接"
    ),
    "blue_green gives everybody one pool, not {share:number} %; use weights of 0 and 100": (
        "blue_green 让所有人使用同一个池，不能是 {share} %；权重请用 0 和 100"
    ),
}

PARTS: dict[str, str] = {
    "salt {text}": "盐值 {text}",
    "rollout {text}": "发布 {text}",
    "the value of cookie {name:word} {text}": "cookie {name} 的值 {text}",
    "the value of header {name:word} {text}": "请求头 {name} 的值 {text}",
    "host {host:word}: {rest}": "主机 {host}：{rest}",
}
