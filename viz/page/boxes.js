// Draws boxes, arrows and frames as SVG. A box is drawn once and then only moved. Read next: camera.js.

const svg = (tag, attributes, ...inside) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...inside);
  return element;
};

function written({ x, y, size, fill, text, style = "" }) {
  const look = { x, y, "font-size": size, ...(fill && { fill }) };
  if (style.includes("b")) look["font-weight"] = "bold";
  if (style.includes("i")) look["font-style"] = "italic";
  return svg("text", look, text);
}

// A tensor as a picture in its box: see pixels.py.
function pictured({ at: [x, y, width, height], png, about, tiles = [], words }) {
  const image = svg("image", { x, y, width, height, href: `data:image/png;base64,${png}`, preserveAspectRatio: "none" }, svg("title", {}, about));
  return svg("g", { class: "picture" }, image, ...tiles.flatMap((tile) => alongEdges(words, x + tile[0], y + tile[1], tile[3] / words.length)));
}

// Words beside the rows of a matrix, and above its columns; long ones are cut.
function alongEdges(words, x, y, cell) {
  const said = (word) => (word.trim() ? (word.length > 7 ? `${word.slice(0, 6)}…` : word) : "␣");
  return words.flatMap((word, i) => {
    const middle = (i + 0.75) * cell, look = { class: "token", "font-size": (0.85 * cell).toFixed(2) };
    const above = `translate(${(x + middle).toFixed(2)} ${(y - cell / 4).toFixed(2)}) rotate(-90)`;
    return [
      svg("text", { ...look, x: (x - cell / 4).toFixed(2), y: (y + middle).toFixed(2), "text-anchor": "end" }, said(word)),
      svg("text", { ...look, transform: above }, said(word)),
    ];
  });
}

const drawnBoxes = new Map(), drawnArrows = new Map(), drawnFrames = new Map(); // id -> what was drawn, seen or not

function boxElement({ box, x, y }) {
  let group = drawnBoxes.get(box.id);
  if (!group) {
    const known = data.boxes[box.id], room = roomBehind.get(box.id);
    const shapes = box.shapes.map(({ tag, ...look }) => svg(tag, look));
    group = svg("g", { class: `node ${box.kind}`, "data-box": box.id }, ...shapes, ...box.texts.map(written));
    if (box.picture) group.append(pictured(box.picture));
    if (known) {
      const says = room ? `${box.name}, closed ${room.back === box.id ? "backward pass" : "box"}: opens in place` : known.name;
      for (const [name, value] of Object.entries({ tabindex: "-1", role: "button", "aria-label": says, "aria-description": box.texts.map((line) => line.text).join(" · ") })) group.setAttribute(name, value);
      if (room) group.setAttribute("aria-expanded", "false");
    }
    drawnBoxes.set(box.id, group);
  }
  group.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  return group;
}

function arrowElement({ arrow, points, head, dx, dy }) {
  let group = drawnArrows.get(arrow.id);
  if (!group) {
    group = svg("g", { class: `edge ${arrow.kind}`, "data-arrow": arrow.id }, svg("path", {}), svg("polygon", {}), svg("g", {}, ...arrow.texts.map(written)));
    drawnArrows.set(arrow.id, group);
  }
  const [curve, tip, texts] = group.children;
  const say = ([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`;
  curve.setAttribute("d", `M${say(points[0])}C${points.slice(1).map(say).join(" ")}`);
  tip.setAttribute("points", head ? tipOf(points).map(say).join(" ") : "");
  texts.setAttribute("transform", `translate(${dx.toFixed(1)} ${dy.toFixed(1)})`);
  return group;
}

// A small triangle at the end of a curve.
function tipOf(points) {
  const [x, y] = points[points.length - 1];
  const before = points.findLast(([a, b]) => Math.hypot(a - x, b - y) > 1) || [x, y - 1];
  const long = Math.hypot(x - before[0], y - before[1]), u = (x - before[0]) / long, v = (y - before[1]) / long;
  return [[x, y], [x - 7 * u + 2.6 * v, y - 7 * v - 2.6 * u], [x - 7 * u - 2.6 * v, y - 7 * v + 2.6 * u]];
}

function frameElement({ id, room, back, x, y, width, height }) {
  let group = drawnFrames.get(id);
  if (!group) {
    const name = frameName(room, back);
    const close = svg("g", { class: "close", role: "button", tabindex: "-1", "aria-expanded": "true", "aria-label": `Close ${name}`, "data-close": room.id },
      svg("rect", { x: 6, y: 5, width: 16, height: 16, rx: 4 }), svg("path", { d: "M10 13H18" }), svg("title", {}, "close"));
    const about = !back && room.about ? [svg("tspan", { class: "about" }, `  ${room.about}`)] : [];
    group = svg("g", { class: "frame", "data-frame": id }, svg("rect", { rx: 8 }), close, svg("text", { x: 28, y: 17 }, name, ...about));
    group.classList.toggle("odd", way(room).length % 2 === 0);
    drawnFrames.set(id, group);
  }
  group.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  group.firstChild.setAttribute("width", width);
  group.firstChild.setAttribute("height", height);
  return group;
}
