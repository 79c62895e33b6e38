// The program beside the map, where its lines are known: pointing at a line lights the boxes that it made, and at a box the
// lines that made it. A line that failed says so. Read next: widths.js.

const program = data.program;
const lineOf = new Map(); // "block/line" -> its element
const madeBy = new Map(); // "block/line" -> the ids of the boxes that it made

const boxesOf = (key) => new Set([...(madeBy.get(key) || [])].map(shownBy));

// The lines that made a box, the innermost first; those of a closed one made what is in it.
function linesOf(id) {
  const room = roomBehind.get(id);
  const inside = room ? [...roomOf].filter(([, other]) => way(other).includes(room)).map(([box]) => box) : [id];
  const keys = new Set(inside.flatMap((box) => (program.boxes[box] || []).map((place) => place.join("/"))));
  return [...keys];
}

function lightBoxes(ids) {
  for (const group of at("boxes").querySelectorAll(".lit")) group.classList.remove("lit");
  for (const id of ids) drawnBoxes.get(id)?.classList.add("lit");
}

function lightLines(keys, mark) {
  for (const line of at("program-blocks").querySelectorAll(`.${mark}`)) line.classList.remove(mark);
  for (const key of keys) lineOf.get(key)?.classList.add(mark);
}

function showProgram() {
  program.blocks.forEach((block, number) => {
    const title = document.createElement("h3"), list = document.createElement("ol");
    title.textContent = block.title;
    list.start = block.first;
    block.lines.forEach((text, place) => list.append(lineElement(text || " ", `${number}/${block.first + place}`)));
    at("program-blocks").append(title, list);
  });
  at("program").hidden = false;
  for (const [block, line] of program.failed) lineOf.get(`${block}/${line}`)?.classList.add("failed");
  if (program.failed.length) scrollToLine(program.failed[0].join("/"));
}

function lineElement(text, key) {
  const line = document.createElement("li"), code = document.createElement("code");
  code.textContent = text;
  line.append(code);
  lineOf.set(key, line);
  if (!madeBy.has(key)) return line;
  line.classList.add("made");
  for (const [name, value] of Object.entries({ tabindex: "0", role: "button" })) code.setAttribute(name, value);
  const light = () => lightBoxes(boxesOf(key)), dark = () => lightBoxes([]);
  for (const kind of ["pointerenter", "focusin"]) line.addEventListener(kind, light);
  for (const kind of ["pointerleave", "focusout"]) line.addEventListener(kind, dark);
  const show = () => glide(fitted(partsOf(boxesOf(key)), 1.1));
  line.addEventListener("click", show);
  line.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    show();
  });
  return line;
}

// The part of the map that several boxes take.
function partsOf(ids) {
  const parts = [...ids].map(partOf), x = Math.min(...parts.map((p) => p.x)), y = Math.min(...parts.map((p) => p.y));
  return { x, y, width: Math.max(...parts.map((p) => p.x + p.width)) - x, height: Math.max(...parts.map((p) => p.y + p.height)) - y };
}

// The line of the step that is told.
function lightLineOfStep() {
  const part = story[partNow()], keys = part ? linesOf(part.box) : [];
  lightLines(keys, "now");
  if (keys.length) scrollToLine(keys[0]);
}

// Scrolls the program alone, and no further than it takes.
function scrollToLine(key) {
  const list = at("program-blocks"), line = lineOf.get(key)?.getBoundingClientRect(), frame = list.getBoundingClientRect();
  if (!line) return;
  if (line.top < frame.top) list.scrollTop += line.top - frame.top - 20;
  if (line.bottom > frame.bottom) list.scrollTop += line.bottom - frame.bottom + 20;
}

if (program) {
  for (const [box, places] of Object.entries(program.boxes)) {
    for (const place of places) {
      const key = place.join("/");
      if (!madeBy.has(key)) madeBy.set(key, []);
      madeBy.get(key).push(box);
    }
  }
  showProgram();
  for (const [kind, end] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
    at("world").addEventListener(kind, (event) => {
      const part = event.target.closest("[data-box]");
      if (part) lightLines(linesOf(part.dataset.box), "lit");
    });
    at("world").addEventListener(end, () => lightLines([], "lit"));
  }
  toldNow.push(lightLineOfStep);
}
