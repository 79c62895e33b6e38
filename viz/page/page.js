"use strict";
// Steps through the picture. All text is set as text, never as markup, and nothing is fetched.

const data = JSON.parse(document.getElementById("data").textContent);
const steps = data.steps;
const at = (id) => document.getElementById(id);
const inPicture = (id) => at(`${data.picture}-${id}`);
const rows = [...document.querySelectorAll("tbody tr")];
const drawn = new Map(); // id -> its group in the picture, for all boxes and arrows
const known = new Map(); // id -> the step after which it is complete

steps.forEach((step, index) => {
  for (const id of [step.box, ...step.arrows]) {
    if (!id) continue;
    const group = inPicture(id);
    if (group) drawn.set(id, group);
    if (step.complete || id !== step.box || !known.has(id)) known.set(id, index + 1);
  }
});

let position = 0; // 0 is the whole picture, k is after step k
let revealed = true;

function go(target, reveal) {
  target = Math.max(0, Math.min(steps.length, target));
  revealed = reveal || !at("predict").checked || target <= position;
  position = target;
  show();
}

function show() {
  const step = position ? steps[position - 1] : null;
  const asked = step !== null && !revealed;
  document.body.classList.toggle("backward", step !== null && step.phase === "backward");
  for (const [id, group] of drawn) {
    const when = known.get(id);
    const current = step !== null && (step.box === id || step.arrows.includes(id));
    group.classList.toggle("now", current);
    group.classList.toggle("later", step !== null && !current && when > position);
    group.classList.toggle("asked", current && (asked || when > position));
  }
  at("slider").value = position;
  at("slider").setAttribute("aria-valuetext", step ? `${position} of ${steps.length}: ${step.rule}` : "the whole picture");
  at("back").disabled = at("first").disabled = position === 0;
  at("next").disabled = at("last").disabled = position === steps.length;
  at("what").textContent = step
    ? `Step ${position} of ${steps.length} · ${step.phase} · ${step.operation}${step.module ? ` · in ${step.module}` : ""}`
    : "The whole picture";
  at("rule").textContent = step ? step.rule : data.hint;
  at("shapes").textContent = step ? step.shapes : "";
  at("result").hidden = asked;
  at("reveal").hidden = !asked;
  at("numbers").textContent = step ? step.numbers : "";
  at("value").textContent = step && !step.numbers ? step.value : "";
  at("check").textContent = step ? step.check : "";
  at("check").classList.toggle("differs", step !== null && step.check.endsWith("differ"));
  at("held").textContent = step ? step.held : `at most ${data.peak}`;
  moveMarker();
  at("heats").replaceChildren(...(step && !asked ? heatMaps(step) : []));
  rows.forEach((row, index) => {
    row.classList.toggle("unseen", at("predict").checked && (index >= position || (index === position - 1 && asked)));
    if (index === position - 1) row.setAttribute("aria-current", "step");
    else row.removeAttribute("aria-current");
  });
  if (step && step.box && drawn.has(step.box)) bringIntoView(drawn.get(step.box));
}

function bringIntoView(group) {
  const pane = at("pane"), box = group.getBoundingClientRect(), frame = pane.getBoundingClientRect();
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (box.top >= frame.top && box.bottom <= frame.bottom && box.left >= frame.left && box.right <= frame.right) return;
  pane.scrollTo({
    left: pane.scrollLeft + box.left - frame.left - (frame.width - box.width) / 2,
    top: pane.scrollTop + box.top - frame.top - (frame.height - box.height) / 2,
    behavior: calm ? "auto" : "smooth",
  });
}

function moveMarker() {
  const marker = at("marker");
  if (!marker) return;
  const x = steps.length > 1 ? ((Math.max(position, 1) - 1) / (steps.length - 1)) * data.width : 0;
  marker.setAttribute("x1", x);
  marker.setAttribute("x2", x);
  marker.setAttribute("visibility", position ? "visible" : "hidden");
}

// -- heat maps ----------------------------------------------------------------------------------------

function heatMaps(step) {
  const maps = [];
  if (step.heat) maps.push(heatMap(step.heat, step.name));
  if (step.local) maps.push(heatMap(step.local, "local Jacobian: a row for each output, a column for each input"));
  return maps;
}

const svg = (tag, attributes) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};

function short(value) {
  if (typeof value !== "number") return value;
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

function heatMap({ rows, columns, values }, caption) {
  const figure = document.createElement("figure");
  const title = document.createElement("figcaption");
  title.textContent = caption;
  const written = values.length <= 64; // large enough to have their numbers written on them
  // As wide as the longest number needs, so that none runs into the next.
  const longest = Math.max(...values.map((value) => short(value).length));
  const size = written ? Math.max(36, 7 * longest + 10) : Math.max(5, Math.min(18, Math.floor(360 / columns)));
  const height = written ? 24 : size;
  const picture = svg("svg", { viewBox: `0 0 ${columns * size} ${rows * height}`, width: columns * size, role: "img", "aria-label": `${caption}, ${rows} by ${columns}` });
  picture.classList.toggle("written", written);
  const numbers = values.filter((value) => typeof value === "number");
  const largest = Math.max(...numbers.map(Math.abs), 1e-30);
  values.forEach((value, index) => {
    const x = (index % columns) * size, y = Math.floor(index / columns) * height;
    const share = typeof value === "number" ? value / largest : 0;
    const cell = svg("rect", { x, y, width: size, height });
    const end = share < 0 ? "--low" : "--high";
    cell.style.fill = typeof value === "number" ? `color-mix(in srgb, var(${end}) ${Math.round(Math.abs(share) * 65)}%, var(--middle))` : "var(--alarm)";
    const name = svg("title", {});
    name.textContent = String(value);
    cell.append(name);
    picture.append(cell);
    if (written) {
      const number = svg("text", { x: x + size / 2, y: y + height / 2 });
      number.textContent = short(value);
      picture.append(number);
    }
  });
  figure.append(title, picture);
  return figure;
}

// -- the chosen box -----------------------------------------------------------------------------------

function choose(id) {
  const node = data.nodes[id];
  if (!node) return;
  document.querySelectorAll(".chosen").forEach((group) => group.classList.remove("chosen"));
  drawn.get(id)?.classList.add("chosen");
  at("detail").hidden = false;
  at("detail-name").textContent = node.name;
  at("facts").replaceChildren(
    ...node.facts.flatMap(([term, text]) => {
      const dt = document.createElement("dt"), dd = document.createElement("dd");
      dt.textContent = term;
      dd.textContent = text;
      return [dt, dd];
    })
  );
  const last = steps.findLast((step) => step.box === id && step.complete);
  const hidden = at("predict").checked && known.get(id) > position;
  at("detail-heats").replaceChildren(...(last && last.heat && !hidden ? [heatMap(last.heat, last.name)] : []));
  const source = data.sources[node.source] || "";
  at("source").textContent = source;
  at("source-title").hidden = at("source").parentElement.hidden = !source;
  at("detail").scrollIntoView({ block: "nearest" });
}

for (const [id, group] of drawn) {
  if (!data.nodes[id]) continue;
  group.setAttribute("tabindex", "0");
  group.setAttribute("role", "button");
  group.setAttribute("aria-label", data.nodes[id].name);
  group.addEventListener("click", () => choose(id));
  group.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(id);
    }
  });
}

// -- controls -----------------------------------------------------------------------------------------

at("next").addEventListener("click", () => go(position + 1));
at("back").addEventListener("click", () => go(position - 1));
at("first").addEventListener("click", () => go(0));
at("last").addEventListener("click", () => go(steps.length));
at("slider").addEventListener("input", () => go(Number(at("slider").value)));
at("reveal").addEventListener("click", () => {
  revealed = true;
  show();
  at("next").focus();
});
at("predict").addEventListener("change", show);
rows.forEach((row, index) => row.addEventListener("click", () => go(index + 1)));
document.addEventListener("keydown", (event) => {
  const moves = { ArrowRight: position + 1, ArrowLeft: position - 1, Home: 0, End: steps.length };
  if (!(event.key in moves) || event.target === at("slider") || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  go(moves[event.key]);
});

const picture = at(data.picture);
if (picture) {
  const { width: w, height: h } = picture.viewBox.baseVal;
  const natural = w * (4 / 3); // Graphviz counts in points
  const pane = at("pane");
  const whole = () => Math.min((pane.clientWidth - 20) / w, (pane.clientHeight - 20) / h) * w;
  let width = 0;
  // What lies at (x, y) of the window stays there; without a point, what lies in the middle of the pane.
  const zoom = (to, x, y) => {
    const frame = pane.getBoundingClientRect(), before = picture.getBoundingClientRect();
    x ??= frame.left + frame.width / 2;
    y ??= frame.top + frame.height / 2;
    const across = (x - before.left) / before.width, down = (y - before.top) / before.height;
    width = Math.max(Math.min(whole(), natural) / 2, Math.min(natural * 8, to));
    picture.setAttribute("width", width);
    picture.removeAttribute("height");
    const after = picture.getBoundingClientRect();
    pane.scrollBy({ left: after.left + across * after.width - x, top: after.top + down * after.height - y, behavior: "instant" });
  };
  zoom(Math.max(natural * 0.7, Math.min(natural * 1.6, whole())));
  pane.scrollTo(0, 0);
  at("zoom").hidden = false;
  at("smaller").addEventListener("click", () => zoom(width / 1.25));
  at("larger").addEventListener("click", () => zoom(width * 1.25));
  at("fit").addEventListener("click", () => zoom(whole()));
  pane.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(width * Math.exp(-event.deltaY / 500), event.clientX, event.clientY);
  }, { passive: false });

  let held = null, dragged = false; // where the mouse holds the picture; fingers scroll by themselves
  pane.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" || event.button !== 0) return;
    held = { x: event.clientX, y: event.clientY, left: pane.scrollLeft, top: pane.scrollTop };
    dragged = false;
  });
  addEventListener("pointermove", (event) => {
    if (!held) return;
    dragged ||= Math.hypot(event.clientX - held.x, event.clientY - held.y) > 4;
    if (dragged) pane.scrollTo({ left: held.left + held.x - event.clientX, top: held.top + held.y - event.clientY, behavior: "instant" });
  });
  addEventListener("pointerup", () => (held = null));
  addEventListener("pointercancel", () => (held = null));
  pane.addEventListener("click", (event) => dragged && event.stopPropagation(), true); // a drag chooses no box
}
at("controls").hidden = false;
document.body.classList.add("stepping");
show();
