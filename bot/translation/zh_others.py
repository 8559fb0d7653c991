"""Chinese: about Prometheus, the rules, posted alerts and the database."""

SENTENCES: dict[str, str] = {
    # Prometheus（bot.prometheus、bot.engine.own_series）
    "Prometheus did not answer in time": "Prometheus 没有及时应答",
    "Prometheus cannot be reached": "无法连接 Prometheus",
    "not an answer of Prometheus: {why}": "不是 Prometheus 的应答：{why}",
    "the query returns {n:number} series; aggregate it to one": "查询返回 {n} 个序列；请聚合成一个",
    "there is no alerts.yaml, so nobody counts alerts: add it, or another query": (
        "没有 alerts.yaml，无法统计告警：请添加，或换一个查询"
    ),
    "the alerts cannot be read: {why:said}": "无法读取告警：{why}",
    # 规则（bot.engine.alert_watch）
    "it cannot be judged: {why}": "无法判定：{why}",
    "the evaluation hangs": "检查卡住",
    # 发来的告警（bot.engine.alert_intake、bot.web）
    "the body is not JSON: {why}": "正文不是 JSON：{why}",
    'this is not the webhook of Alertmanager, version "4"': '不是 Alertmanager 版本 "4" 的 webhook',
    "`alerts` is not a list of {most:number} at most": "`alerts` 不是列表，或超过 {most} 条",
    "an alert has no status, firing or resolved": "有告警没有 status（firing 或 resolved）",
    "an alert has no labels": "有告警没有标签",
    "an alert has no startsAt": "有告警没有 startsAt",
    "startsAt {text} is not a time": "startsAt {text} 不是时间",
    "the {what:word} of an alert are not texts": "有告警的 {what} 不是文本",
    "a body above {most:number} MB: set max_alerts in Alertmanager's webhook_configs": (
        "正文超过 {most} MB：请在 Alertmanager 的 webhook_configs 中设置 max_alerts"
    ),
    # 标签的条件（bot.alerts.labels）
    "`{text}` is not a matcher": "`{text}` 不是匹配条件",
    "the regular expression of `{name}` is too long": "`{name}` 的正则表达式过长",
    "`{text}` is not a regular expression: {why}": "`{text}` 不是正则表达式：{why}",
    # 发布本身
    "there is no alerts.yaml: nobody is named who could be told": "没有 alerts.yaml：不知道该通知谁",
    "measured for {have:number} s of {want:number} s": "已测 {have} 秒，共需 {want} 秒",
    "share {share:number} % of {target:number} %": "金丝雀的比例为 {share} %（应为 {target} %）",
    "share not measured of {target:number} %": "未测得金丝雀的比例（应为 {target} %）",
    "the stage is no longer in the plan": "计划中已没有这个阶段",
    "{what:ours} was not made within {seconds:number} s": "{seconds} 秒内未能生成 {what}",
    "{what:ours} could not be made: {why}": "无法生成 {what}：{why}",
    "{what:ours} could not be made: no word": "无法生成 {what}，没有说明原因",
    # 数据库（bot.store）
    "DATABASE_URL is not understood: {how:said}": "DATABASE_URL 无法识别：{how}",
    "{place:word}: {what:ours} ({why})": "{place}：{what}（{why}）",
    "{place:word}: PostgreSQL refused ({code}: {why})": "{place}：PostgreSQL 拒绝执行（{code}：{why}）",
    "{place:word}: opened for reading only": "{place}：以只读方式打开",
    "{place:word}: the store is closed": "{place}：数据库已关闭",
}

PARTS: dict[str, str] = {
    "write label, comparison, value: severity = critical": "请写成 标签、比较符、值：severity = critical",
    "{n:number} characters at most": "最多 {n} 个字符",
    "mend it, or compare with =": "请更正，或用 = 比较",
    "the chart": "图表",
    "the PDF": "PDF",
    # SQLite
    "another process holds the database locked": "另一个进程锁住了数据库",
    "the database is locked": "数据库被锁住",
    "the disk is full": "磁盘已满",
    "the disk did not read or write": "磁盘读写失败",
    "there is not enough memory": "内存不足",
    "it was interrupted": "被中断",
    "the file is damaged: stop the bot and restore it from a backup": "文件已损坏：请停止机器人并从备份恢复",
    "this is not an SQLite database: give the path of the bot's own file": (
        "不是 SQLite 数据库：请给出机器人自己的文件路径"
    ),
    "the file cannot be written: mend its owner and mode, and those of its folder": (
        "文件无法写入：请更正它及其目录的所有者和权限"
    ),
    "access was denied: mend the owner and mode of the file and its folder": (
        "拒绝访问：请更正文件及其目录的所有者和权限"
    ),
    "it cannot be opened: the folder must exist and be writable by the bot": "无法打开：目录须存在且机器人可以写入",
    "SQLite refused": "SQLite 拒绝执行",
    # PostgreSQL
    "write it as postgresql://user:password@host:5432/database, and in the password % as %25, / as %2F, @ as %40, "
    "# as %23, ? as %3F": (
        "请写成 postgresql://user:password@host:5432/database，密码中的 % 写成 %25，/ 写成 %2F，@ 写成 %40，# 写成 "
        "%23，? 写成 %3F"
    ),
    "the connection was lost": "连接中断",
    "the server takes no writes now: it is a standby, or was told to be read-only": (
        "服务器现在不接受写入：它是备库，或被设为只读"
    ),
    "this process was too slow within a transaction": "本进程在事务中过慢",
    "another transaction was in the way": "与另一个事务冲突",
    "the server has no connection left": "服务器的连接数已用完",
    "the server lacks resources": "服务器资源不足",
    "another transaction holds the row": "另一个事务占用了该行",
    "it took too long": "用时过长",
    "the server is stopping or starting": "服务器正在停止或启动",
    "the server's disk did not read or write": "服务器的磁盘读写失败",
    "a rule of the tables is broken: this is a fault of the bot, or of a hand at the console": (
        "违反了表的约束：这是机器人的缺陷，或有人在控制台改动过"
    ),
    "the server refuses this user: mend user and password in DATABASE_URL, or the server's pg_hba.conf": (
        "服务器拒绝该用户：请更正 DATABASE_URL 中的用户和密码，或服务器的 pg_hba.conf"
    ),
    "there is no such database: create it, owned by the bot's user": (
        "没有这个数据库：请创建，并以机器人的用户为所有者"
    ),
    "the bot's user may not do this: make it the owner of the database and of its tables": (
        "机器人的用户没有权限：请把它设为数据库及其表的所有者"
    ),
    "a table is missing: restore the database from a backup": "缺少一张表：请从备份恢复数据库",
    "the database is damaged: stop the bot and restore it from a backup": "数据库已损坏：请停止机器人并从备份恢复",
    "the server's certificate cannot be checked: mend sslmode and sslrootcert in DATABASE_URL": (
        "无法验证服务器的证书：请更正 DATABASE_URL 中的 sslmode 和 sslrootcert"
    ),
    "the server's certificate is not trusted: mend sslrootcert in DATABASE_URL": (
        "服务器的证书不受信任：请更正 DATABASE_URL 中的 sslrootcert"
    ),
    "it cannot be reached": "无法连接",
}
