// The map: what is open, and what is seen of it. A click or Enter opens a closed box in place, with its backward pass.
// Read next: story.js.

const READABLE = 0.42; // nearer than that all of the map has to be seen when the page opens
const seenNow = { boxes: new Map(), arrows: new Map(), frames: [], width: 0, height: 0 };
const changed = []; // what is to be done when other rooms are open than before

function redraw() {
  Object.assign(seenNow, laidOut());
  const focused = document.activeElement?.closest?.("[data-box], [data-close]");
  at("frames").replaceChildren(...seenNow.frames.map(frameElement));
  at("arrows").replaceChildren(...[...seenNow.arrows.values()].map(arrowElement));
  at("boxes").replaceChildren(...[...seenNow.boxes.values()].map(boxElement));
  drawAnew();
  if (focused?.isConnected) focused.focus({ preventScroll: true });
  for (const tell of changed) tell();
}

// Of a large map only what lies in the pane, or half a pane beyond it, is drawn.
const LARGE = 200; // boxes and arrows
const isLarge = () => seenNow.boxes.size + seenNow.arrows.size >= LARGE;
const hiddenNow = new Set(); // elements
function cull() {
  if (!isLarge()) return showEverything();
  const there = seen(), left = there.x - there.width / 2, right = there.x + 1.5 * there.width;
  const top = there.y - there.height / 2, bottom = there.y + 1.5 * there.height;
  const draw = (element, x0, y0, x1, y1) => hide(element, x1 < left || x0 > right || y1 < top || y0 > bottom);
  for (const { box, x, y } of seenNow.boxes.values()) draw(drawnBoxes.get(box.id), x, y, x + box.at[2], y + box.at[3]);
  for (const { arrow, points } of seenNow.arrows.values()) {
    let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
    for (const [x, y] of points) {
      x0 = Math.min(x0, x);
      y0 = Math.min(y0, y);
      x1 = Math.max(x1, x);
      y1 = Math.max(y1, y);
    }
    draw(drawnArrows.get(arrow.id), x0, y0, x1 + 80, y1);
  }
}

function hide(element, isHidden) {
  if (hiddenNow.has(element) === isHidden) return;
  element.style.display = isHidden ? "none" : "";
  if (isHidden) hiddenNow.add(element);
  else hiddenNow.delete(element);
}

function showEverything() {
  for (const element of [...hiddenNow]) hide(element, false);
}

const whole = () => ({ x: -8, y: -8, width: seenNow.width + 16, height: seenNow.height + 16 });

// The part of the map that an open room takes, forward and backward, or a box.
function partOf(id) {
  const frames = seenNow.frames.filter((frame) => frame.room.id === id);
  const parts = frames.length ? frames : [seenNow.boxes.get(id)].filter(Boolean).map(({ box, x, y }) => ({ x, y, width: box.at[2], height: box.at[3] }));
  if (!parts.length) return whole();
  const x = Math.min(...parts.map((p) => p.x)), y = Math.min(...parts.map((p) => p.y));
  return { x, y, width: Math.max(...parts.map((p) => p.x + p.width)) - x, height: Math.max(...parts.map((p) => p.y + p.height)) - y };
}

// Opens or closes a room; what was looked at stays where it is, if it can be seen.
function setOpen(room, isOpen, back = false) {
  if (room.id === "" || open.has(room.id) === isOpen) return;
  const before = partOf(room.id);
  if (isOpen) for (const here of way(room)) open.add(here.id);
  else for (const other of rooms.values()) if (way(other).includes(room)) open.delete(other.id);
  redraw();
  say(isOpen ? `${room.name} is open: ${room.boxes.length} boxes` : `${room.name} is closed`);
  const after = partOf(room.id), k = camera.k;
  look(camera.x + k * (before.x + before.width / 2 - after.x - after.width / 2), camera.y + k * (before.y - after.y), k);
  if (isOpen && camera.k < 0.8) goInside(room, back);
  else bringIntoView(widened(after));
}

const widened = ({ x, y, width, height }) => ({ x: x - 8, y: y - 8, width: width + 16, height: height + 16 });

// Goes near to a room that was opened: to its two sides, if they can be read together, or to the one that was chosen; of a
// large one to its beginning, where the gradient of a room begins below.
function goInside(room, back) {
  const both = fitted(widened(partOf(room.id)), 0.9);
  if (both.k >= 0.6) return glide(both);
  const part = widened(seenNow.frames.find((frame) => frame.room === room && frame.back === back)), one = fitted(part, 0.9);
  if (one.k >= READABLE) return glide(one);
  const k = 0.6, y = back ? pane.clientHeight - 12 - k * (part.y + part.height) : 12 - k * part.y;
  glide({ x: pane.clientWidth / 2 - k * (part.x + part.width / 2), y, k });
}

// Opens the rooms around a box, and shows it.
function reveal(id) {
  const room = roomOf.get(id);
  if (!room) return;
  if (way(room).some((here) => !open.has(here.id))) {
    for (const here of way(room)) open.add(here.id);
    redraw();
  }
  bringIntoView(partOf(id));
}

// As many levels as can be read when the whole is seen: first those of modules, whose layers are what one came to see, and
// functions where all modules are open. Of the outermost modules the largest, where not all of them fit.
function openWhatFits() {
  const fits = () => {
    const { width, height } = laidOut();
    return fitted({ x: 0, y: 0, width, height }).k >= READABLE;
  };
  const deepest = Math.max(...[...rooms.values()].map((room) => way(room).length));
  for (const functions of [false, true]) {
    for (let level = 2; level <= deepest; level++) {
      const more = [...rooms.values()].filter((room) => way(room).length === level && open.has(room.around) && room.isFunction === functions && !open.has(room.id));
      for (const room of more) open.add(room.id);
      if (fits()) continue;
      for (const room of more) open.delete(room.id);
      if (level > 2 || functions) return;
      more.sort((one, other) => other.boxes.length - one.boxes.length);
      for (const room of more.slice(0, 8)) {
        open.add(room.id);
        if (!fits()) open.delete(room.id);
      }
      return;
    }
  }
}

function openAll(isOpen) {
  for (const room of rooms.values()) if (isOpen || room.id === "") open.add(room.id); else open.delete(room.id);
  redraw();
  glide(fitted(whole()));
}

at("world").addEventListener("click", (event) => {
  const part = event.target.closest("[data-box], [data-close]");
  if (part) activate(part);
});
at("world").addEventListener("keydown", (event) => {
  const part = event.target.closest("[data-box], [data-close]");
  if (!part || (event.key !== "Enter" && event.key !== " ")) return;
  event.preventDefault();
  activate(part);
});

// The pane never scrolls by itself, as a browser would to show what has the focus: the camera moves.
at("pane").addEventListener("scroll", () => at("pane").scrollTo(0, 0));
at("world").addEventListener("focusin", (event) => {
  const part = event.target.closest("[data-box], [data-close]");
  if (part && event.target.matches(":focus-visible")) bringIntoView(partOf(part.dataset.box || part.dataset.close));
});

function activate(part) {
  if (part.dataset.close) {
    const room = rooms.get(part.dataset.close);
    setOpen(room, false);
    return focusOn(room.id);
  }
  const room = roomBehind.get(part.dataset.box);
  choose(part.dataset.box, !room);
  if (room) {
    const back = room.back === part.dataset.box;
    setOpen(room, true, back);
    focusOn(back ? room.back : room.id);
  }
}

// Moves the keyboard to a box, or to the button that closes the room it opened into.
function focusOn(id) {
  const part = seenNow.boxes.has(id) ? drawnBoxes.get(id) : drawnFrames.get(id)?.querySelector(".close");
  if (part) part.focus({ preventScroll: true });
}

// -- where one is -------------------------------------------------------------------------------------

// The innermost open room that fills the middle of the pane.
function hereNow() {
  const there = seen(), x = there.x + there.width / 2, y = there.y + there.height / 2;
  const inside = seenNow.frames.filter((f) => f.x <= x && x <= f.x + f.width && f.y <= y && y <= f.y + f.height && f.width > there.width * 0.4);
  return inside.length ? inside[inside.length - 1].room : outermost;
}

let crumbsOf = null;
function showCrumbs() {
  const here = hereNow();
  if (here === crumbsOf) return;
  crumbsOf = here;
  const steps = way(here).map((room) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = room.id === "" ? "all" : room.name;
    button.addEventListener("click", () => glide(fitted(room.id === "" ? whole() : partOf(room.id))));
    if (room === here) button.setAttribute("aria-current", "location");
    return button;
  });
  at("crumbs").replaceChildren(...steps.flatMap((step, i) => (i ? [" › ", step] : [step])));
}
