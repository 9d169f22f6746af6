// Draws the part of Vega-Lite that the service writes (api/chart.py): bars, lines, histograms and points on a map.
import { el, number, text } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const ROW = 28;
const BAR = 18;
const FONT = 13;
const LINE_HEIGHT = 320;

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.flat(Infinity));
  return node;
}

const words = (content, attributes, ...more) => svg("text", attributes, String(content), ...more);
const tooltip = (content) => svg("title", {}, content);

const pen = document.createElement("canvas").getContext("2d");
function widthOf(content) {
  pen.font = `${FONT}px ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText(content).width;
}

function fitted(content, most) {
  if (widthOf(content) <= most) return content;
  const letters = [...content];
  while (letters.length > 1 && widthOf(`${letters.join("")}…`) > most) letters.pop();
  return `${letters.join("")}…`;
}

const linear = ([low, high], [from, to]) => (value) => (high === low ? from : from + ((value - low) / (high - low)) * (to - from));

const extent = (values) => values.reduce(([low, high], v) => [Math.min(low, v), Math.max(high, v)], [Infinity, -Infinity]);

// Round numbers (1, 2 or 5 times a power of ten) inside of a range, about `many` of them.
function ticks(low, high, many) {
  const raw = (high - low) / Math.max(1, many) || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((times) => times * power).find((wide) => wide >= raw);
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

const DAY = 86_400_000;
const PARTS = [
  [360 * DAY, { year: "numeric" }],
  [27 * DAY, { year: "numeric", month: "short" }],
  [DAY, { year: "numeric", month: "short", day: "numeric" }],
  [0, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }],
];

// As fine as the steps between the times are.
function timeFormat(times) {
  const steps = times.slice(1).map((time, i) => time - times[i]);
  const [, parts] = PARTS.find(([least]) => Math.min(...steps) >= least);
  return new Intl.DateTimeFormat(undefined, { ...parts, timeZone: "UTC" }).format;
}

const seriesOf = ({ data, encoding }) => (encoding.color ? [...new Set(data.values.map((row) => row.series))] : []);

// A value axis on the left with lines across, a title above it.
function valueAxis(scale, steps, { width, left, title }) {
  return [
    words(fitted(title, width - 8), { class: "axis-title", x: 0, y: FONT }),
    steps.map((tick) => svg("g", {},
      svg("line", { class: tick === 0 ? "zero" : "grid", x1: left, x2: width, y1: scale(tick), y2: scale(tick) }),
      words(number(tick), { class: "tick", x: left - 8, y: scale(tick) + 4, "text-anchor": "end" }))),
  ];
}

function framed(spec, width) {
  const values = spec.data.values.map((row) => row.value);
  const zero = spec.encoding.y.scale?.zero === false ? [] : [0];
  const [low, high] = extent([...zero, ...values]);
  const range = [low, high === low ? low + 1 : high];
  const steps = ticks(...range, values.every(Number.isInteger) ? Math.min(5, range[1] - range[0]) : 5);
  const left = Math.max(...steps.map((tick) => widthOf(number(tick)))) + 14;
  const bottom = LINE_HEIGHT - 46;
  const y = linear(range, [bottom, 30]);
  const frame = [
    ...valueAxis(y, steps, { width, left, title: spec.encoding.y.title }),
    words(fitted(spec.encoding.x.title, width - left), { class: "axis-title", x: width, y: LINE_HEIGHT - 4, "text-anchor": "end" }),
  ];
  return { y, left, bottom, frame };
}

// Labels below the places of an axis, as many as have room.
function below(labels, { bottom, width }) {
  let free = 0;
  return labels.flatMap(([x, label]) => {
    const wide = widthOf(label);
    const start = Math.min(Math.max(x - wide / 2, 0), width - wide);
    if (start < free) return [];
    free = start + wide + 14;
    return [words(label, { class: "tick", x: start, y: bottom + 20 })];
  });
}

function line(spec, width) {
  const rows = spec.data.values;
  const { y, left, bottom, frame } = framed(spec, width);
  const times = [...new Set(rows.map((row) => row.group))].sort((a, b) => a - b);
  const x = linear(extent(times), [left + 8, width - 8]);
  const format = timeFormat(times);
  const series = seriesOf(spec);
  const lines = (series.length ? series : [undefined]).map((name, i) => {
    const own = rows.filter((row) => row.series === name).sort((a, b) => a.group - b.group);
    const points = own.map((row) => `${x(row.group).toFixed(1)},${y(row.value).toFixed(1)}`);
    return svg("g", { class: `series s${i}` },
      svg("polyline", { class: "line-mark", points: points.join(" ") }),
      own.map((row) => svg("circle", { cx: x(row.group), cy: y(row.value), r: own.length > 60 ? 2 : 3.5 },
        tooltip([name, format(row.group), number(row.value)].filter((part) => part !== undefined).join(" · ")))));
  });
  return [LINE_HEIGHT, [...frame, ...below(times.map((time) => [x(time), format(time)]), { bottom, width }), ...lines]];
}

function histogram(spec, width) {
  const rows = spec.data.values;
  const { y, left, bottom, frame } = framed(spec, width);
  const range = extent(rows.flatMap((row) => [row.from, row.to]));
  const x = linear(range, [left, width - 8]);
  const bars = rows.map((row) => svg("rect", {
    class: "bar-mark", x: x(row.from) + 0.5, width: Math.max(1, x(row.to) - x(row.from) - 1),
    y: Math.min(y(row.value), y(0)), height: Math.abs(y(0) - y(row.value)),
  }, tooltip(`${number(row.from)} – ${number(row.to)} · ${number(row.value)}`)));
  const labels = ticks(...range, width / 80).map((tick) => [x(tick), number(tick)]);
  return [LINE_HEIGHT, [...frame, ...below(labels, { bottom, width }), ...bars]];
}

function bars(spec, width) {
  const { x: measure, y: group } = spec.encoding;
  const series = seriesOf(spec);
  const groups = new Map(spec.data.values.map((row) => [row.group, []]));
  for (const row of spec.data.values) groups.get(row.group).push(row);
  const totals = new Map([...groups].map(([name, rows]) => [name, rows.reduce((sum, row) => sum + row.value, 0)]));
  const range = extent([0, ...totals.values()]);
  const left = Math.min(width * 0.4, Math.max(...[...groups.keys()].map(widthOf)) + 12);
  const right = width - Math.max(...[...totals.values()].map((total) => widthOf(number(total)))) - 10;
  const x = linear(range[0] === range[1] ? [0, 1] : range, [left, right]);
  const rows = [...groups].flatMap(([name, parts], i) => {
    const top = 28 + i * ROW;
    let sum = 0;
    const marks = parts.map((part) => {
      const [from, to] = [x(sum), x(sum + part.value)];
      sum += part.value;
      return svg("rect", {
        class: series.length ? `series s${series.indexOf(part.series)}` : "bar-mark",
        x: Math.min(from, to), width: Math.max(1, Math.abs(to - from)), y: top + (ROW - BAR) / 2, height: BAR,
      }, tooltip([name, part.series, number(part.value)].filter((word) => word !== undefined).join(" · ")));
    });
    const middle = top + ROW / 2 + 4.5;
    return [
      words(fitted(name, left - 10), { class: "label", x: left - 8, y: middle, "text-anchor": "end" }, tooltip(name)),
      ...marks,
      words(number(totals.get(name)), { class: "value", x: x(Math.max(0, totals.get(name))) + 6, y: middle }),
    ];
  });
  const height = 36 + groups.size * ROW;
  return [height, [
    words(fitted(group.title, left), { class: "axis-title", x: left - 8, y: FONT, "text-anchor": "end" }),
    words(fitted(measure.title, width - left), { class: "axis-title", x: left, y: FONT }),
    ...rows,
    svg("line", { class: "zero", x1: x(0), x2: x(0), y1: 28, y2: height - 6 }),
  ]];
}

// Degrees are as long as they are in the middle of what is shown.
function map(spec, width) {
  const height = Math.min(440, Math.max(260, width * 0.55));
  const rows = spec.data.values;
  const [west, east] = extent(rows.map((row) => row.longitude));
  const [south, north] = extent(rows.map((row) => row.latitude));
  const [longitude, latitude] = [(west + east) / 2, (south + north) / 2];
  const narrow = Math.max(0.2, Math.cos((latitude * Math.PI) / 180));
  const least = rows.length === 1 ? 8 : 0.05;
  const zoom = Math.min((width - 60) / Math.max((east - west) * narrow, least), (height - 60) / Math.max(north - south, least));
  const x = (value) => width / 2 + (value - longitude) * narrow * zoom;
  const y = (value) => height / 2 - (value - latitude) * zoom;
  const [, most] = extent([1, ...rows.map((row) => row.value ?? 1)]);
  const points = rows.map((row) => svg("circle", {
    class: "point-mark", cx: x(row.longitude), cy: y(row.latitude),
    r: row.value === undefined ? 5 : 4 + 14 * Math.sqrt(Math.max(0, row.value) / most),
  }, tooltip([row.label, row.value === undefined ? "" : number(row.value), `${row.latitude}, ${row.longitude}`].filter(Boolean).join(" · "))));
  return [height, [
    svg("rect", { class: "sea", width, height }),
    svg("use", { class: "land", href: "/_static/land.svg#land", transform: `translate(${x(0)} ${y(0)}) scale(${(narrow * zoom) / 2} ${zoom / 2})` }),
    ...graticule({ x, y, width, height, narrow, zoom, longitude, latitude }),
    ...points,
  ]];
}

function graticule({ x, y, width, height, narrow, zoom, longitude, latitude }) {
  const [wide, high] = [width / 2 / zoom / narrow, height / 2 / zoom];
  const degrees = (value, [plus, minus]) => `${number(Math.abs(value))}°${value > 0 ? plus : value < 0 ? minus : ""}`;
  return [
    ...ticks(Math.max(-180, longitude - wide), Math.min(180, longitude + wide), width / 140).flatMap((at) => [
      svg("line", { class: "grid", x1: x(at), x2: x(at), y1: 0, y2: height }),
      words(degrees(at, "EW"), { class: "tick", x: x(at) + 4, y: height - 6 })]),
    ...ticks(Math.max(-90, latitude - high), Math.min(90, latitude + high), 4).flatMap((at) => [
      svg("line", { class: "grid", x1: 0, x2: width, y1: y(at), y2: y(at) }),
      words(degrees(at, "NS"), { class: "tick", x: 4, y: y(at) - 4 })]),
  ];
}

function draw(spec, width) {
  const mark = spec.mark.type ?? spec.mark;
  const drawn = { line, circle: map, bar: spec.encoding.x2 ? histogram : bars }[mark];
  const [height, parts] = drawn(spec, width);
  return svg("svg", { role: "img", "aria-label": spec.description, width, height, viewBox: `0 0 ${width} ${height}` }, parts);
}

// A figure that is drawn again whenever its width changes.
export function chart(spec) {
  const series = seriesOf(spec);
  const legend = series.length
    ? el("ul", { class: "legend", "aria-label": spec.encoding.color.title },
      series.map((name, i) => el("li", {}, el("span", { class: `swatch s${i}`, "aria-hidden": "true" }), text(name))))
    : null;
  const canvas = el("div", { class: "canvas" });
  let drawn = 0;
  new ResizeObserver(([{ contentRect }]) => {
    const width = Math.floor(contentRect.width);
    if (!width || width === drawn) return;
    drawn = width;
    canvas.replaceChildren(draw(spec, width));
  }).observe(canvas);
  return el("figure", { class: "chart" }, legend, canvas);
}
