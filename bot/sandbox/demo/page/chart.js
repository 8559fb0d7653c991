// A small picture of the last minutes: one line or area for each pool, its newest value beside its name.

const WIDTH = 400, HEIGHT = 84, SPAN = 180; // SPAN: seconds
const POOLS = ["stable", "canary"];

// series: pool -> [{t, value}], value null where nothing was measured. say(value) -> text. top: the least upper end.
export function chart({ h, svg, t }, { title, series, say, top, stacked = false }) {
  const end = Math.max(0, ...POOLS.flatMap((pool) => series[pool].map((point) => point.t)));
  const shown = stacked ? stack(series) : series;
  const most = Math.max(top, ...POOLS.flatMap((pool) => shown[pool].map((point) => point.value ?? 0)));
  const x = (when) => (WIDTH - (WIDTH * (end - when)) / SPAN).toFixed(1), y = (value) => (HEIGHT - 2 - ((HEIGHT - 8) * value) / most).toFixed(1);
  const newest = Object.fromEntries(POOLS.map((pool) => [pool, series[pool].at(-1)?.value ?? null]));
  const words = POOLS.map((pool) => `${t(`demo.${pool}`)} ${newest[pool] === null ? "—" : say(newest[pool])}`);
  return h("figure", { class: "chart" },
    h("figcaption", {}, h("span", {}, title), POOLS.map((pool, index) => h("span", { class: `legend ${pool}` }, words[index]))),
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${title}: ${words.join(", ")}` },
      svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1, class: "axis" }),
      POOLS.flatMap((pool) => runs(shown[pool]).map((run) => line(svg, pool, run, x, y, stacked)))),
    h("div", { class: "scale note", "aria-hidden": "true" }, h("span", {}, t("demo.ago")), h("span", {}, t("demo.most", { value: say(most) })), h("span", {}, t("demo.now"))));
}

// The canary's part lies at the bottom, so that its first percent is seen as a line of its own.
function stack({ stable, canary }) {
  return { stable: stable.map((point, index) => ({ t: point.t, value: (point.value ?? 0) + (canary[index]?.value ?? 0) })), canary };
}

// A gap in the data is a gap in the line.
function runs(points) {
  const found = [[]];
  for (const point of points) {
    if (point.value !== null) found.at(-1).push(point);
    else if (found.at(-1).length) found.push([]);
  }
  return found.filter((run) => run.length > 1);
}

function line(svg, pool, run, x, y, filled) {
  const path = run.map((point) => `${x(point.t)},${y(point.value)}`).join(" L");
  const base = y(0);
  return svg("path", { d: filled ? `M${x(run[0].t)},${base} L${path} L${x(run.at(-1).t)},${base} Z` : `M${path}`, class: `${pool}${filled ? " filled" : ""}` });
}
