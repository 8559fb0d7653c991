"""Chinese: why a channel to people does not deliver (bot.notify, bot.engine.alert_sender), Slack too (bot.slack)."""

SENTENCES: dict[str, str] = {
    # HTTP：短信网关、webhook、心跳
    "{who:ours} gave no answer within {seconds:number} s": "{who} {seconds} 秒内没有应答",
    "{who:ours} does not answer within {seconds:number} s: check its address and the network": (
        "{who} {seconds} 秒内没有应答：请检查地址和网络"
    ),
    "{who:ours} cannot be reached: {why}; check its address": "{who} 无法连接：{why}；请检查地址",
    "{who:ours} answered {status:number}: {said}": "{who} 返回 {status}：{said}",
    "{who:ours} answered {status:number}: nothing more": "{who} 返回 {status}，没有更多内容",
    "{who:ours} answered {status:number} without JSON: {said}": "{who} 返回 {status}，但不是 JSON：{said}",
    "{who:ours} answered {path:word} = {value}: {said}": "{who} 返回 {path} = {value}：{said}",
    "{what:long-ours} — {mend:ours}": "{what}；{mend}",
    "no number to send to: give the recipient one": "没有可发送的号码：请为收件人填写",
    # 邮件
    "{to} is not an e-mail address: write it as lin@example.com": "{to} 不是邮件地址：请写成 lin@example.com",
    "{server:ours} does not take the mail to {to:word} now: {said}": "{server} 暂不接收发给 {to} 的邮件：{said}",
    "{server:ours} refuses the mail to {to:word}: {said}": "{server} 拒收发给 {to} 的邮件：{said}",
    "{server:ours} shows a certificate that is not valid ({why}): {mend:said}": "{server} 的证书无效（{why}）：{mend}",
    "{server:ours} gave no answer in time": "{server} 没有及时应答",
    "{server:ours} lets nobody log in: {mend:said}": "{server} 不提供登录：{mend}",
    "{server:ours} offers no STARTTLS: {mend:said}": "{server} 不支持 STARTTLS：{mend}",
    "{server:ours} cannot be reached: {why}; check SMTP_URL and the network": (
        "{server} 无法连接：{why}；请检查 SMTP_URL 和网络"
    ),
    "{what:ours}; the mail may have arrived, and comes again under the same Message-ID": (
        "{what}；邮件可能已送达，会以同一 Message-ID 重发"
    ),
    "{server:ours} is not ready: {said}": "{server} 尚未就绪：{said}",
    "{server:ours} does not let the bot send: {said}": "{server} 不允许机器人发信：{said}",
    # Apprise
    "{who:ours} needs a recipient: give one, or take {hole:word} out of its URL": (
        "{who} 需要收件人：请填写，或从其 URL 中去掉 {hole}"
    ),
    "{who:ours} failed: {said}": "{who} 发送失败：{said}",
    "{who:ours} failed: Apprise does not say why": "{who} 发送失败：Apprise 没有说明原因",
    "{who:ours}: Apprise does not understand the URL: write it as its page in Apprise's documentation says": (
        "{who}：Apprise 无法识别该 URL：请按 Apprise 文档中的写法填写"
    ),
    # 渠道
    "channel {name:word} does nothing: set {names:names} in the environment and restart": (
        "渠道 {name} 未启用：请在环境变量中设置 {names} 后重启"
    ),
    "`{to}` is neither a channel nor a person: write #releases, C0123456789 or U0123456789": (
        "`{to}` 既不是频道也不是人：请写成 #releases、C0123456789 或 U0123456789"
    ),
    "{name:word}: Slack's token has not been checked yet: see SLACK_BOT_TOKEN and whether Slack is there": (
        "{name}：Slack 的令牌尚未验证：请检查 SLACK_BOT_TOKEN 和 Slack 是否可用"
    ),
    "the request was cut off: the bot is stopping": "请求被中断：机器人正在停止",
    "{channel:word} did not take it within {seconds:number} s": "{channel} 在 {seconds} 秒内未能接收",
    "there is no channel {name}: add it to channels.yaml": "没有渠道 {name}：请加入 channels.yaml",
    "given up after {n:number} tries: {why:said}": "尝试 {n} 次后放弃：{why}",
    # 心跳
    "the heartbeat is held back: {ill:items}": "心跳暂停：{ill}",
    "the heartbeat failed: {why}": "心跳失败：{why}",
    # Slack
    "Slack cannot be reached: {why}": "无法连接 Slack：{why}",
    "Slack asked to wait": "Slack 要求稍候",
    "Slack is not well: {why}": "Slack 异常：{why}",
    "Slack is not well: HTTP {status:number} without an answer": "Slack 异常：HTTP {status}，没有内容",
    "the message cannot be changed any more": "该消息已无法修改",
    "add the scope {scope:word} to the app (config/slack-manifest.yaml) and reinstall it": (
        "请为应用添加权限 {scope}（config/slack-manifest.yaml）后重新安装"
    ),
    "the token lacks {scopes}: add them to the app (config/slack-manifest.yaml has the list) and reinstall it": (
        "令牌缺少 {scopes}：请为应用添加（config/slack-manifest.yaml 中有列表）后重新安装"
    ),
    "see the method in the API documentation of Slack": "请查阅 Slack API 文档中的该方法",
    "the bot token is not valid: set SLACK_BOT_TOKEN to the app's Bot User OAuth Token": (
        "机器人令牌无效：请把 SLACK_BOT_TOKEN 设为应用的 Bot User OAuth Token"
    ),
    "no token reached Slack: set SLACK_BOT_TOKEN": "没有提供令牌：请设置 SLACK_BOT_TOKEN",
    "the bot user was deactivated: reinstall the app and set the new SLACK_BOT_TOKEN": (
        "机器人用户已停用：请重新安装应用，并设置新的 SLACK_BOT_TOKEN"
    ),
    "the token was revoked: reinstall the app and set the new SLACK_BOT_TOKEN": (
        "令牌已被撤销：请重新安装应用，并设置新的 SLACK_BOT_TOKEN"
    ),
    "the token has expired: switch token rotation off, reinstall and set the new SLACK_BOT_TOKEN": (
        "令牌已过期：请关闭令牌轮换，重新安装，并设置新的 SLACK_BOT_TOKEN"
    ),
    "this is not a bot token: set SLACK_BOT_TOKEN to the Bot User OAuth Token (xoxb-…)": (
        "这不是机器人令牌：请把 SLACK_BOT_TOKEN 设为 Bot User OAuth Token（xoxb-…）"
    ),
    "there is no such channel, or it is private and the bot is not in it: correct `channel:` in the plan or "
    "/invite the bot": ("没有这个频道，或它是私有频道而机器人不在其中：请更正计划中的 `channel:`，或 /invite 机器人"),
    "channel #{name}: there is none the bot can see: correct `channel:` or /invite the bot": (
        "机器人看不到频道 #{name}：请更正 `channel:`，或 /invite 机器人"
    ),
    "the bot is not in the channel: /invite it": "机器人不在该频道：请 /invite",
    "the channel is archived: name another in the plan": "该频道已归档：请在计划中换一个",
    "who may post in the channel is restricted: let the app, or name another channel": (
        "该频道限制了发言权限：请允许本应用，或换一个频道"
    ),
    "the message is too long for Slack": "消息超过 Slack 的长度限制",
    "Slack refused the blocks of the message": "Slack 拒绝了消息的 blocks",
    "this server does not have the method": "该服务器没有这个方法",
}

PARTS: dict[str, str] = {
    "the gateway {name}": "网关 {name}",
    "the webhook {name}": "webhook {name}",
    "the heartbeat's address": "心跳地址",
    "the mail server {server:word}": "邮件服务器 {server}",
    "channel {name} ({scheme:word})": "渠道 {name}（{scheme}）",
    "correct its address, or the secret it is given": "请更正地址，或它使用的密钥",
    "correct the recipient, or what the channel sends": "请更正收件人，或渠道发送的内容",
    "correct the recipient, or add the value to equals or retry of the channel": (
        "请更正收件人，或把该值加入渠道的 equals 或 retry"
    ),
    "correct the address": "请更正地址",
    "correct the address, or see what the server wants": "请更正地址，或按服务器的要求修改",
    "their mailbox takes nothing: have it mended, or name another address": "对方邮箱不收信：请修复，或换一个地址",
    "the server takes no such mail: see its limits": "服务器不接收这类邮件：请查看其限制",
    "let the server accept mail of this sender for this recipient": "请让服务器接收该发件人给该收件人的邮件",
    "mend its certificate, or name the authority that signed it with ?ca_file=… in the URL": (
        "请修复证书，或在 URL 中用 ?ca_file=… 指明签发者"
    ),
    "remove user and password from the URL, or use the port where it does": (
        "请从 URL 中去掉用户和密码，或改用提供登录的端口"
    ),
    "have it offer that, or use smtps://; ?starttls=never where the network can be trusted": (
        "请让它支持，或改用 smtps://；网络可信时可用 ?starttls=never"
    ),
    "let it accept mail from {sender:word}, or correct `from`": "请让它接收来自 {sender} 的邮件，或更正 `from`",
    "correct the user and the password in the URL": "请更正 URL 中的用户和密码",
    "worker: {what:said}": "执行器：{what}",
    "leads: {what:said}": "主副本：{what}",
    "database: {what:said}": "数据库：{what}",
    "slack: {what:said}": "Slack：{what}",
    "ticks: {names}": "定时任务：{names}",
    "not running": "没有运行",
    "it does not answer": "没有应答",
    "the token has not been checked yet": "令牌尚未验证",
    "Socket Mode is not connected": "Socket Mode 未连接",
}
