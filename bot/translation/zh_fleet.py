"""Chinese: what hosts, and the bot about hosts, say of a shift, a rollback or a look (bot.fleet)."""

SENTENCES: dict[str, str] = {
    # 主机上的程序（bot/fleet/host）
    "cannot write in {dir:word}: the disk is full or read-only, or the user lacks the right": (
        "无法写入 {dir}：磁盘已满或只读，或该用户没有写权限"
    ),
    "generation {seen} was here before {generation:number}; only a higher one is taken": (
        "主机已有代次 {seen}，不再接受 {generation}；只接受更高的代次"
    ),
    "epoch {seen} of generation {generation} was here before epoch {epoch:number}; another bot has taken over": (
        "代次 {generation} 已有任期 {seen}，不再接受任期 {epoch}；已由另一个机器人接管"
    ),
    "what arrived is not what was sent (sha256 {sum}); send it again": (
        "收到的文件与发出的不同（sha256 {sum}）；请重发"
    ),
    "the file says generation {of}, not {generation}": "文件中的代次是 {of}，应为 {generation}",
    "generation {generation} is already here with other content; take a new generation": (
        "主机上代次 {generation} 的内容不同；请换一个新的代次"
    ),
    "the program on this host speaks {speaks}, the bot {meant}; install the bot's own": (
        "主机上的程序用协议 {speaks}，机器人用 {meant}；请安装机器人自带的程序"
    ),
    "{host:word}: {why:ours}: rollout-bot host install {host:word}": "{host}：{why}：rollout-bot host install {host}",
    "the program on this host was installed for another nginx: {places}; install it again": (
        "主机上的程序是为另一个 nginx 安装的：{places}；请重新安装"
    ),
    "{dir:word} does not exist; create it and include it: include {dir:word}/*.conf; inside http {{}} of {conf:word}": (
        "{dir} 不存在；请创建，并在 {conf} 的 http {{}} 中加入：include {dir}/*.conf;"
    ),
    "{conf:word} does not exist; name the right one in fleet.hosts": "{conf} 不存在；请在 fleet.hosts 中更正",
    "{nginx:word} is not installed on the host, or not in the PATH; name the binary in fleet.hosts": (
        "主机上没有安装 {nginx}，或不在 PATH 中；请在 fleet.hosts 中写明程序路径"
    ),
    "flock is missing on the host; install util-linux": "主机上没有 flock；请安装 util-linux",
    "{conf:word} does not include {live:word}; add this line inside http {{}} of {conf:word}: include "
    "{dir:word}/*.conf;": ("{conf} 没有包含 {live}；请在 {conf} 的 http {{}} 中加入：include {dir}/*.conf;"),
    "nginx -t, before any change: {said}": "改动之前 nginx -t 就未通过：{said}",
    "nginx -t: {said}": "nginx -t 未通过：{said}",
    "nginx -t: failed with status {status:number}": "nginx -t 未通过：退出码 {status}",
    "an interrupted change to generation {generation} could not be undone: {why:said}": (
        "切换到代次 {generation} 时中断，且未能撤销：{why}"
    ),
    "an interrupted rollback to generation {generation} was not taken: {why:said}": (
        "回滚到代次 {generation} 时中断，未能生效：{why}"
    ),
    "the way back is not here; send it first": "主机上没有回滚用的文件；请先发送",
    "nginx is not running (no master process in {pid:word}); start it": "nginx 没有运行（{pid} 中没有主进程）；请启动",
    "nginx did not take the reload: {why:said}": "nginx 重载未生效：{why}",
    "{why:ours}; the file is in place": "{why}；文件已就位",
    "{why:ours}; and the previous file could not be brought back": "{why}；且未能恢复原来的文件",
    "{why:ours}; the previous file is back": "{why}；已恢复原来的文件",
    "interrupted by a rollback of a higher generation": "被更高代次的回滚中断",
    "another change is under way on the host; try again": "主机上另一项改动正在进行；请重试",
    "generation {generation} is not staged here; stage it first": "主机上没有已下发的代次 {generation}；请先下发",
    "somebody changed {live:word} after it was staged; look at it, then try again": (
        "下发之后有人改动了 {live}；请查看后重试"
    ),
    "the file from before generation {generation} could not be brought back: {why:said}": (
        "未能恢复代次 {generation} 之前的文件：{why}"
    ),
    "nginx is not running; the previous file is back": "nginx 没有运行；已恢复原来的文件",
    # 请求的格式
    "needs NGINX NGINX_CONF CONF_DIR PID_FILE STATUS WAIT VERB SERVICE": (
        "须给出 NGINX NGINX_CONF CONF_DIR PID_FILE STATUS WAIT VERB SERVICE"
    ),
    "paths are plain and absolute": "路径须为普通的绝对路径",
    "NGINX is a program's name or absolute path": "NGINX 须为程序名或绝对路径",
    "STATUS is an address and a port": "STATUS 须为地址和端口",
    "WAIT is hundredths of a second": "WAIT 的单位是百分之一秒",
    "SERVICE is lower-case letters, digits and dashes": "SERVICE 只能是小写字母、数字和连字符",
    "GENERATION is a whole number without leading zeros": "GENERATION 须为整数，不以零开头",
    "EPOCH is a whole number without leading zeros": "EPOCH 须为整数，不以零开头",
    "the verb is ready, stage, commit, apply, revert, read or check": (
        "动作须为 ready、stage、commit、apply、revert、read 或 check"
    ),
    "{verb:word} needs the sha256 of the file on stdin": "{verb} 须给出标准输入文件的 sha256",
    "BACK is the sha256 of the way back, or -": "BACK 须为回滚用文件的 sha256，或 -",
    "{verb:word} needs a generation from 1": "{verb} 的代次须从 1 起",
    "--forced takes NGINX NGINX_CONF CONF_DIR PID_FILE STATUS, once or more": (
        "--forced 须给出一组或多组 NGINX NGINX_CONF CONF_DIR PID_FILE STATUS"
    ),
    # 应答
    "{host:word}: no answer to {verb:word} ({why:said})": "{host}：{verb} 没有应答（{why}）",
    "{host:word}: the host program did not run ({why:said}); does the user have a POSIX shell?": (
        "{host}：主机上的程序没有运行（{why}）；请确认该用户的 shell 是 POSIX shell"
    ),
    "nginx is not running; start it": "nginx 没有运行；请启动",
    "{file:word} is not as the bot wrote it": "{file} 被人改动过",
    "another change is under way on the host": "主机上另一项改动正在进行",
    "workers and file do not agree; reload nginx, or restore": "worker 与文件不一致；请重载 nginx，或还原",
    "not an answer of the read-back server: {said}; does something else listen there?": (
        "不是回读服务的应答：{said}；请检查该端口是否被别的程序占用"
    ),
    "the workers answer {live}": "worker 的应答与下达的不同：{live}",
    "not asked: a newer generation came first": "未询问：已有更新的代次",
    "has a file of this order already, and does not serve it as ordered; look at it": (
        "已有本次的文件，但提供的与下达的不同；请查看"
    ),
    "{first:said}; then: {second:said}": "{first}；撤回时：{second}",
    "# unknown: {why:said}": "# 无法读取：{why}",
    # 连接
    "fleet.known_hosts {path:word} cannot be read; create it: {command}": (
        "fleet.known_hosts {path} 无法读取；请创建：{command}"
    ),
    "fleet.key_file {path:word} cannot be read; give the path of a private key the bot may read": (
        "fleet.key_file {path} 无法读取；请给出机器人可以读取的私钥路径"
    ),
    "fleet.key_file cannot be used ({why}); give an unencrypted private key": (
        "fleet.key_file 无法使用（{why}）；请给出未加密的私钥"
    ),
    "{host:name-said} ({at:word}) shows a host key that known_hosts does not hold; if the host is new or rebuilt, "
    "compare the fingerprint at its console, then add the line that `{command}` prints to known_hosts": (
        "{host}（{at}）的主机密钥不在 known_hosts 中；若是新建或重装的主机，请先在其控制台核对指纹，再把 "
        "`{command}` 输出的一行加入 known_hosts"
    ),
    "{host:name-said} ({at:word}) does not let user {user} in with the bot's key; add its public key to that "
    "user's authorized_keys, or name the right fleet.hosts user and fleet.key_file": (
        "{host}（{at}）不允许用户 {user} 用机器人的密钥登录；请把公钥加入该用户的 authorized_keys，或更正 "
        "fleet.hosts 的 user 和 fleet.key_file"
    ),
    "{host:name-said} ({at:word}) does not let user of the bot in with the bot's key; add its public key to that "
    "user's authorized_keys, or name the right fleet.hosts user and fleet.key_file": (
        "{host}（{at}）不允许机器人以自己的用户名和密钥登录；请把公钥加入该用户的 authorized_keys，"
        "或更正 fleet.hosts 的 user 和 fleet.key_file"
    ),
    "{host:name-said} ({at:word}) cannot be reached from {jump}: {why}; check that sshd there may forward": (
        "从 {jump} 无法连接 {host}（{at}）：{why}；请检查那里的 sshd 是否允许转发"
    ),
    "{host:name-said} ({at:word}) refuses another session ({why}); let sshd's MaxSessions be 10, its default": (
        "{host}（{at}）拒绝再开会话（{why}）；请把 sshd 的 MaxSessions 设为默认的 10"
    ),
    "{host:name-said} ({at:word}) cannot be reached: {why}; check that the host is up and its SSH port open "
    "to the bot": ("{host}（{at}）无法连接：{why}；请检查主机是否在运行、SSH 端口是否对机器人开放"),
    "{host:word}: jump {jump} is not a machine; write it as ops@bastion.example.com:22": (
        "{host}：jump {jump} 不是一台机器；请写成 ops@bastion.example.com:22"
    ),
    "{host:word}: cannot start /bin/sh here ({why}); free some memory or processes": (
        "{host}：本机无法启动 /bin/sh（{why}）；请释放内存或进程"
    ),
    # 实际状态
    "serves {share:number} % to the canary pool of {rollout:word}, which this database does not know; see that "
    "`stable` in the plan is what serves now, or bring the database back; a retry overwrites the host": (
        "有 {share} % 的流量进入 {rollout} 的金丝雀，而数据库中没有这次发布；请核对计划的 `stable` 是否就是现在提"
        "供服务的版本，或恢复数据库；重试会覆盖该主机"
    ),
    "changed by hand ({state:state})": "被人改动（{state}）",
    "has the new share already, from a try that was cut off": "已是新的比例，来自一次被中断的尝试",
    "has the new share already, and cannot be taken back now: {why:said}": "已是新的比例，现在无法收回：{why}",
    "the plan changed after the approval": "批准之后计划已变更",
}

PARTS: dict[str, str] = {
    "exit status {status:number}": "退出码 {status}",
    "connection lost": "连接中断",
    "no answer within {seconds:number} s": "{seconds} 秒内没有应答",
    "the program was killed": "程序被终止",
    "nginx did not answer": "nginx 没有应答",
    "no new worker answered in time": "没有新的 worker 及时应答",
    "the user may not signal nginx (pid {pid:number})": "该用户无权向 nginx 发信号（pid {pid}）",
    "it is lost, or nginx still serves {generation:number}": "文件已丢失，或 nginx 仍在提供 {generation}",
    "jump host {where}": "跳板机 {where}",
}

STATES: dict[str, str] = {
    "ok": "比例与下达的不同",
    "absent": "缺少机器人的文件",
    "edited": "机器人的文件被改动",
    "stale": "nginx 没有采用最近一次重载",
    "down": "nginx 没有运行",
    "unreachable": "没有应答",
}
