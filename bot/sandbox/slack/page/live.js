// The server's log as it grows; what concerns the page is handed on.

import { read } from "/page/api.js";
import { byId } from "/page/dom.js";
import { t } from "/page/words.js";

const KINDS = ["message.", "reaction.", "view.", "pin.", "channel.", "faults.", "inbox."];

// heed(entry) is called for each entry after `cursor`.
export function listen(cursor, heed) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const socket = new WebSocket(`${scheme}://${location.host}/control/ws?cursor=${cursor}&kinds=${KINDS.join(",")}`);
  const status = (state) => { byId("link").textContent = t(state); byId("link").dataset.state = state; };
  status("connecting");
  socket.onopen = () => status("live");
  socket.onmessage = (event) => heed(JSON.parse(event.data));
  socket.onclose = () => { status("gone"); setTimeout(comeBack, 1000); };
}

// A server that was started anew has another log, so the cursor means nothing to it: begin again.
async function comeBack() {
  const alive = await read("/control/counters").catch(() => null);
  if (alive) location.reload();
  else setTimeout(comeBack, 1000);
}
