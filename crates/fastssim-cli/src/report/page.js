"use strict";
// Shows the data that stand in the page: columns and rows of a table, of which one column holds the scores.
const data = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);
const scoreAt = data.columns.findIndex((column) => column.key === "ssim");
// Rows of the table that are shown at a time.
const PAGE = 200;
// Room to the right of charts, for half of the last label.
const RIGHT = 20;

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function draw(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// A score with six decimals, or more where six would hide that it is not 0 or 1, as the command prints it.
function score(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size === 0 || size === 1) return String(value);
  if (size < 0.01) return value.toExponential(5);
  const rounded = value.toFixed(6);
  return rounded === "1.000000" ? String(value) : rounded;
}

const isText = (column) => column.kind === "text" || column.kind === "word";

function cell(value, column) {
  if (value === null || value === undefined) return isText(column) ? "" : "–";
  if (column.kind === "score") return score(value);
  if (column.kind === "seconds") return value.toFixed(3);
  return String(value);
}

// Round numbers from low to high, about as many as asked for.
function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough * 0.999);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(k * step);
  return { step, values: found };
}

const decimals = (step) => Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));

function showHead() {
  find("subject").textContent = data.subject;
  for (const [label, value] of data.tiles) {
    const text = typeof value === "number" && !Number.isInteger(value) ? score(value) : String(value ?? "–");
    const tile = make("div", {}, make("dt", {}, label), make("dd", {}, text));
    if (label === "Mean") tile.className = "first";
    find("tiles").append(tile);
  }
  for (const [label, value] of data.settings) find("settings").append(make("dt", {}, label), make("dd", {}, value));
  if (data.verdict) {
    find("verdict").hidden = false;
    find("verdict").className = data.verdict.passed ? "passed" : "failed";
    find("verdict").textContent = data.verdict.text;
  }
}

// The order is: as the system has it, light, dark.
function showTheme() {
  const names = { "": "Theme: system", light: "Theme: light", dark: "Theme: dark" };
  const order = Object.keys(names);
  const button = find("theme");
  const root = document.documentElement;
  const label = () => (button.textContent = names[root.dataset.theme ?? ""]);
  button.hidden = false;
  button.addEventListener("click", () => {
    const next = order[(order.indexOf(root.dataset.theme ?? "") + 1) % order.length];
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    label();
  });
  label();
}

const table = {
  sorted: null, descending: false, page: 0, text: "", range: null, rows: [],

  start() {
    const head = make("tr", {});
    data.columns.forEach((column, index) => {
      const button = make("button", { type: "button" }, column.name);
      button.addEventListener("click", () => this.sortBy(index));
      head.append(make("th", { scope: "col", class: column.kind }, button));
    });
    find("table").tHead.append(head);
    find("filter").addEventListener("input", (event) => {
      this.text = event.target.value.toLowerCase();
      this.select();
    });
    find("range").addEventListener("click", () => this.choose(null));
    find("previous").addEventListener("click", () => this.turn(-1));
    find("next").addEventListener("click", () => this.turn(1));
    this.select();
  },

  sortBy(index) {
    this.descending = this.sorted === index && !this.descending;
    this.sorted = index;
    this.select();
  },

  turn(by) {
    this.page += by;
    this.show();
  },

  // Only rows with a score in this range: from, to, and whether `to` belongs to it; null for all.
  choose(range) {
    this.range = range;
    find("range").hidden = range === null;
    if (range) find("range").textContent = `Score ${range.label} ✕`;
    this.select();
    drawHistogram();
  },

  select() {
    const wanted = (row) => {
      if (this.range && !inRange(row[scoreAt], this.range)) return false;
      return !this.text || row.some((value, at) => cell(value, data.columns[at]).toLowerCase().includes(this.text));
    };
    this.rows = data.rows.filter(wanted);
    if (this.sorted !== null) {
      const at = this.sorted;
      const sign = this.descending ? -1 : 1;
      const asText = isText(data.columns[at]);
      const collator = new Intl.Collator(undefined, { numeric: true });
      // What is not known comes last in either order.
      this.rows.sort(({ [at]: a }, { [at]: b }) => {
        if (a === null || b === null) return (a === null) - (b === null);
        return sign * (asText ? collator.compare(a, b) : a - b);
      });
    }
    this.page = 0;
    this.show();
  },

  show() {
    const body = find("table").tBodies[0];
    const pages = Math.max(1, Math.ceil(this.rows.length / PAGE));
    const shown = this.rows.slice(this.page * PAGE, (this.page + 1) * PAGE);
    body.replaceChildren(...shown.map((row) => make("tr", {}, ...row.map(tableCell))));
    [...find("table").tHead.rows[0].cells].forEach((head, index) => {
      if (index === this.sorted) head.setAttribute("aria-sort", this.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    const all = data.rows.length;
    find("count").textContent = this.rows.length === all ? `${all} rows` : `${this.rows.length} of ${all} rows`;
    find("page").textContent = `${this.page + 1} / ${pages}`;
    find("previous").disabled = this.page === 0;
    find("next").disabled = this.page >= pages - 1;
  },
};

function tableCell(value, index) {
  const column = data.columns[index];
  const below = index === scoreAt && value !== null && data.fail_under !== null && value < data.fail_under;
  const kind = column.key === "error" ? "text error" : column.kind;
  return make("td", { class: below ? `${kind} below` : kind }, cell(value, column));
}

const inRange = (value, range) =>
  value !== null && value >= range.from && (value < range.to || (range.last && value <= range.to));

// At most so many bars of equal width, between round numbers.
function bins() {
  const scores = data.rows.map((row) => row[scoreAt]).filter((value) => value !== null);
  if (scores.length === 0) return [];
  let low = scores.reduce((a, b) => Math.min(a, b));
  let high = scores.reduce((a, b) => Math.max(a, b));
  if (high - low < 1e-9) [low, high] = [low - 0.0005, Math.min(1, high + 0.0005)];
  const { step } = ticks(low, high, 30);
  const first = Math.floor(low / step + 1e-9);
  const count = Math.max(1, Math.ceil(high / step - 1e-9) - first);
  const digits = decimals(step);
  const found = Array.from({ length: count }, (_, k) => {
    const [from, to] = [(first + k) * step, (first + k + 1) * step];
    const label = `${from.toFixed(digits)} to ${to.toFixed(digits)}`;
    // The ends take what rounding has left outside.
    return { from: k === 0 ? Math.min(from, low) : from, to: k === count - 1 ? Math.max(to, high) : to, label,
      last: k === count - 1, left: from, right: to, count: 0 };
  });
  for (const value of scores) found.find((bin) => inRange(value, bin)).count++;
  return found;
}

const allBins = bins();

function drawHistogram() {
  const svg = find("histogram");
  const [width, height, left, bottom] = [svg.parentElement.clientWidth, 200, 46, 24];
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  svg.replaceChildren();
  find("histogram-note").textContent = allBins.length
    ? "How many have which score. Choose a bar to see its rows in the table."
    : "There is no score to show.";
  if (allBins.length === 0) return;
  const most = allBins.reduce((a, bin) => Math.max(a, bin.count), 0);
  const [low, high] = [allBins[0].left, allBins.at(-1).right];
  const x = (value) => left + ((value - low) / (high - low)) * (width - left - RIGHT);
  const y = (count) => height - bottom - (count / most) * (height - bottom - 12);
  for (const value of ticks(0, most, 4).values.filter(Number.isInteger)) {
    svg.append(draw("line", { class: "grid", x1: left, x2: width - RIGHT, y1: y(value), y2: y(value) }));
    svg.append(draw("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, value));
  }
  const marks = ticks(low, high, Math.max(2, Math.floor(width / 110)));
  for (const value of marks.values) {
    svg.append(draw("text", { x: x(value), y: height - 6, "text-anchor": "middle" }, value.toFixed(decimals(marks.step))));
  }
  for (const bin of allBins) {
    if (bin.count === 0) continue;
    const chosen = table.range === bin;
    const bar = draw("rect", {
      class: chosen ? "bar chosen" : "bar", x: x(bin.left) + 0.5, y: Math.min(y(bin.count), height - bottom - 2),
      width: Math.max(1, x(bin.right) - x(bin.left) - 1), height: Math.max(2, height - bottom - y(bin.count)),
      tabindex: 0, role: "button", "aria-label": `Score ${bin.label}: ${bin.count}`,
    });
    bar.append(draw("title", {}, `${bin.label}: ${bin.count}`));
    const toggle = () => table.choose(chosen ? null : bin);
    bar.addEventListener("click", toggle);
    bar.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      toggle();
    });
    svg.append(bar);
  }
  if (data.fail_under !== null && data.fail_under > low && data.fail_under < high) {
    const at = x(data.fail_under);
    svg.append(draw("line", { class: "threshold", x1: at, x2: at, y1: 6, y2: height - bottom }));
  }
}

const timeline = {
  hidden: new Set(),

  start() {
    if (data.rows.length === 0) return;
    find("timeline").hidden = false;
    for (const { key, name } of data.series) {
      const box = make("input", { type: "checkbox" });
      box.checked = true;
      box.addEventListener("change", () => {
        if (box.checked) this.hidden.delete(key);
        else this.hidden.add(key);
        this.draw();
      });
      const sample = draw("svg", { viewBox: "0 0 22 10", "aria-hidden": "true" });
      sample.append(draw("line", { class: `key ${key}`, x1: 0, x2: 22, y1: 5, y2: 5 }));
      find("series").append(make("label", {}, box, sample, name));
    }
    const svg = find("line");
    svg.addEventListener("pointermove", (event) => this.point(event));
    svg.addEventListener("pointerleave", () => this.leave());
  },

  // The place of each series among the columns.
  shown() {
    const at = (column) => data.columns.findIndex((candidate) => candidate.key === column);
    return data.series.map((series) => ({ ...series, at: at(series.column) })).filter(({ key }) => !this.hidden.has(key));
  },

  draw() {
    if (!data.series || data.rows.length === 0) return;
    const svg = find("line");
    const [width, height, left, bottom] = [svg.parentElement.clientWidth, 280, 58, 24];
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    svg.replaceChildren();
    let [low, high] = [Infinity, -Infinity];
    for (const row of data.rows) {
      for (const { at } of this.shown()) {
        low = Math.min(low, row[at]);
        high = Math.max(high, row[at]);
      }
    }
    if (data.fail_under !== null) low = Math.min(low, data.fail_under);
    if (!(high - low > 1e-9)) [low, high] = [(Number.isFinite(low) ? low : 1) - 0.001, Number.isFinite(high) ? high : 1];
    const margin = (high - low) * 0.04;
    [low, high] = [low - margin, Math.min(high + margin, Math.max(1, high))];
    const [first, last] = [data.rows[0][0], Math.max(data.rows.at(-1)[0], data.rows[0][0] + 1)];
    this.x = (frame) => left + ((frame - first) / (last - first)) * (width - left - RIGHT);
    const y = (value) => height - bottom - ((value - low) / (high - low)) * (height - bottom - 8);
    this.frame = { height, bottom, width, left, first, last };
    const rows = ticks(low, high, 5);
    for (const value of rows.values) {
      svg.append(draw("line", { class: "grid", x1: left, x2: width - RIGHT, y1: y(value), y2: y(value) }));
      svg.append(draw("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(decimals(rows.step))));
    }
    for (const value of ticks(first, last, Math.max(2, Math.floor(width / 110))).values.filter(Number.isInteger)) {
      svg.append(draw("text", { x: this.x(value), y: height - 6, "text-anchor": "middle" }, value));
    }
    for (const { key, at } of this.shown().reverse()) {
      svg.append(draw("path", { class: `trace ${key}`, d: path(at, this.x, y, width) }));
    }
    if (data.fail_under !== null) {
      const at = y(data.fail_under);
      svg.append(draw("line", { class: "threshold", x1: left, x2: width - RIGHT, y1: at, y2: at }));
    }
    this.cursor = svg.appendChild(draw("line", { class: "cursor", y1: 4, y2: height - bottom, visibility: "hidden" }));
  },

  point(event) {
    const box = find("line").getBoundingClientRect();
    const { left, width, first, last } = this.frame;
    const wanted = first + ((event.clientX - box.left - left) / (width - left - RIGHT)) * (last - first);
    const row = nearest(wanted);
    const at = this.x(row[0]);
    for (const end of ["x1", "x2"]) this.cursor.setAttribute(end, at);
    this.cursor.setAttribute("visibility", "visible");
    const tip = find("line").nextElementSibling;
    const time = row[1] === null ? "" : `, ${row[1].toFixed(3)} s`;
    tip.textContent = [`Frame ${row[0]}${time}`, ...this.shown().map(({ name, at }) => `${name}  ${score(row[at])}`)].join("\n");
    tip.hidden = false;
    tip.style.left = at > width / 2 ? "" : `${at + 12}px`;
    tip.style.right = at > width / 2 ? `${width - at + 12}px` : "";
  },

  leave() {
    find("line").nextElementSibling.hidden = true;
    this.cursor.setAttribute("visibility", "hidden");
  },
};

// The row of the frame next to this number; rows are in the order of frames.
function nearest(frame) {
  let [low, high] = [0, data.rows.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (data.rows[middle][0] <= frame) low = middle;
    else high = middle;
  }
  return frame - data.rows[low][0] < data.rows[high][0] - frame ? data.rows[low] : data.rows[high];
}

// A line through all scores; of many in one column of pixels, from the lowest to the highest.
function path(at, x, y, width) {
  const points = [];
  if (data.rows.length <= 2 * width) {
    for (const row of data.rows) points.push([x(row[0]), y(row[at])]);
  } else {
    const columns = new Map();
    for (const row of data.rows) {
      const column = Math.round(x(row[0]));
      const [low, high] = columns.get(column) ?? [Infinity, -Infinity];
      columns.set(column, [Math.min(low, row[at]), Math.max(high, row[at])]);
    }
    for (const [column, [low, high]] of columns) points.push([column, y(low)], [column, y(high)]);
  }
  return points.map(([px, py], index) => `${index ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
}

function showWorst() {
  if (data.worst.length === 0) return;
  find("worst").hidden = false;
  find("worst").querySelector("h2").textContent = data.worst_title;
  find("worst").querySelector(".note").hidden = data.worst.every((exhibit) => exhibit.reference.detail === null);
  const bar = make("div", { class: "bar-of-colors" });
  bar.style.background = `linear-gradient(to right, ${data.scale.colors.join(", ")})`;
  const marks = data.scale.ticks.map((tick) => make("span", {}, tick));
  find("scale").append("1 − SSIM on the maps", bar, make("div", { class: "ticks" }, ...marks));
  for (const exhibit of data.worst) {
    const title = make("h3", {}, make("b", {}, score(exhibit.score)), ` ${exhibit.name}`);
    const figures = ["reference", "distorted", "map"].map((name) =>
      make("figure", {},
        make("img", { src: exhibit[name].whole, alt: `${name} of ${exhibit.name}` }),
        ...(exhibit[name].detail
          ? [make("img", { class: "detail", src: exhibit[name].detail, alt: `The part of the ${name} that differs most` })]
          : []),
        make("figcaption", {}, name)));
    find("exhibits").append(make("div", { class: "exhibit" }, title, make("div", { class: "pictures" }, ...figures)));
  }
}

showHead();
showTheme();
showWorst();
table.start();
if (data.series) timeline.start();

// Charts are as wide as the page.
function drawCharts() {
  drawHistogram();
  timeline.draw();
}
drawCharts();
addEventListener("resize", drawCharts);
