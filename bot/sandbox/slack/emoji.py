"""The emoji the workspace knows: Slack's short name -> the character. The page reads the same table."""

from __future__ import annotations

import re

_TABLE = """
+1 👍|thumbsup 👍|-1 👎|thumbsdown 👎|white_check_mark ✅|heavy_check_mark ✔️|ballot_box_with_check ☑️|x ❌
negative_squared_cross_mark ❎|memo 📝|pencil 📝|eyes 👀|rocket 🚀|tada 🎉|fire 🔥|warning ⚠️|rotating_light 🚨
bell 🔔|no_bell 🔕|mute 🔇|loud_sound 🔊|zap ⚡|boom 💥|bug 🐛|wrench 🔧|hammer 🔨|gear ⚙️|lock 🔒|unlock 🔓|key 🔑
hourglass ⌛|hourglass_flowing_sand ⏳|stopwatch ⏱️|alarm_clock ⏰|clock1 🕐|clock3 🕒|calendar 📅|date 📅
red_circle 🔴|large_blue_circle 🔵|large_green_circle 🟢|large_yellow_circle 🟡|large_orange_circle 🟠
large_purple_circle 🟣|white_circle ⚪|black_circle ⚫|large_green_square 🟩|large_red_square 🟥|large_yellow_square 🟨
large_orange_square 🟧|large_blue_square 🟦|white_large_square ⬜|black_large_square ⬛|white_square_button 🔳
green_heart 💚|heart ❤️|yellow_heart 💛|blue_heart 💙|broken_heart 💔|star ⭐|star2 🌟|sparkles ✨|100 💯|ok 🆗
ok_hand 👌|clap 👏|wave 👋|raised_hands 🙌|raised_hand ✋|hand ✋|pray 🙏|muscle 💪|point_right 👉|point_up ☝️
smile 😄|grinning 😀|slightly_smiling_face 🙂|laughing 😆|joy 😂|sweat_smile 😅|thinking_face 🤔|cry 😢|sob 😭
scream 😱|disappointed 😞|sunglasses 😎|face_with_monocle 🧐|shrug 🤷|facepalm 🤦|ghost 👻|robot_face 🤖|skull 💀
chart_with_upwards_trend 📈|chart_with_downwards_trend 📉|bar_chart 📊|clipboard 📋|pushpin 📌|round_pushpin 📍
paperclip 📎|link 🔗|mag 🔍|bookmark 🔖|label 🏷️|package 📦|inbox_tray 📥|outbox_tray 📤|email 📧|envelope ✉️
phone 📞|telephone_receiver 📞|iphone 📱|computer 💻|desktop_computer 🖥️|floppy_disk 💾|bulb 💡|battery 🔋|satellite 🛰️
globe_with_meridians 🌐|construction 🚧|octagonal_sign 🛑|stop_sign 🛑|no_entry ⛔|no_entry_sign 🚫|question ❓
exclamation ❗|heavy_exclamation_mark ❗|grey_question ❔|grey_exclamation ❕|bangbang ‼️|information_source ℹ️
arrow_up ⬆️|arrow_down ⬇️|arrow_right ➡️|arrow_left ⬅️|arrow_forward ▶️|arrow_backward ◀️|fast_forward ⏩|rewind ⏪
leftwards_arrow_with_hook ↩️|arrow_right_hook ↪️|arrows_counterclockwise 🔄|arrows_clockwise 🔃|repeat 🔁
double_vertical_bar ⏸️|black_square_for_stop ⏹️|black_circle_for_record ⏺️|heavy_plus_sign ➕|heavy_minus_sign ➖
heavy_multiplication_x ✖️|recycle ♻️|checkered_flag 🏁|triangular_flag_on_post 🚩|traffic_light 🚦
vertical_traffic_light 🚦|ambulance 🚑|fire_engine 🚒|ship 🚢
hatching_chick 🐣|hatched_chick 🐥|bird 🐦|snail 🐌|turtle 🐢|seedling 🌱
sunny ☀️|cloud ☁️|zzz 💤|speech_balloon 💬|thought_balloon 💭|test_tube 🧪|microscope 🔬|shield 🛡️|balance_scale ⚖️
one 1️⃣|two 2️⃣|three 3️⃣|four 4️⃣|five 5️⃣|writing_hand ✍️|lower_left_ballpoint_pen 🖊️|handshake 🤝|medal 🏅|trophy 🏆
bust_in_silhouette 👤|busts_in_silhouette 👥|male-technologist 👨‍💻|female-technologist 👩‍💻|ok_woman 🙆|see_no_evil 🙈
"""

EMOJI: dict[str, str] = {
    name: char
    for name, _, char in (pair.partition(" ") for line in _TABLE.strip().splitlines() for pair in line.split("|"))
}

_TONE = re.compile(r"::skin-tone-[2-6]$")


def is_known(name: str, custom: set[str]) -> bool:
    """Whether a reaction of this name exists; a skin tone may follow the name (`+1::skin-tone-3`)."""
    base = _TONE.sub("", name)
    return base in EMOJI or base in custom
