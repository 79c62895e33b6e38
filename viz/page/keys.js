// The map by keys, and for those who hear it. One box at a time is reached by Tab; the keys up and down go from box to box in
// the order of reading, Enter opens or chooses, Escape closes the room around. Read next: convolution.js.

const say = (text) => (at("said").textContent = text);

// Boxes in the order of reading: as the story first works on them.
function inOrder() {
  const when = (id) => known.get(id) ?? Infinity;
  return [...seenNow.boxes.keys()].sort((one, other) => when(one) - when(other));
}

// The one box that Tab reaches: the one that has or had the focus, or the first.
let reached = null;
function reach(id) {
  const part = drawnBoxes.get(reached);
  if (part) part.setAttribute("tabindex", "-1");
  reached = seenNow.boxes.has(id) ? id : inOrder()[0];
  drawnBoxes.get(reached)?.setAttribute("tabindex", "0");
}

function goFrom(id, step) {
  const order = inOrder(), place = order.indexOf(id);
  const next = order[Math.max(0, Math.min(order.length - 1, place + step))];
  focusOn(next);
}

at("world").addEventListener("focusin", (event) => {
  const part = event.target.closest("[data-box]");
  if (part) reach(part.dataset.box);
});
at("world").addEventListener("keydown", (event) => {
  const part = event.target.closest("[data-box], [data-close]");
  if (!part) return;
  const room = part.dataset.close ? rooms.get(part.dataset.close) : roomOf.get(part.dataset.box);
  const acts = {
    ArrowDown: () => goFrom(part.dataset.box, 1),
    ArrowUp: () => goFrom(part.dataset.box, -1),
    Escape: () => {
      setOpen(room, false);
      focusOn(room.id);
    },
  };
  if (!acts[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  acts[event.key]();
});

document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, button, summary") && event.key !== "/") return;
  if (event.target.closest("input[type=search], input[type=text]") || event.altKey || event.ctrlKey || event.metaKey) return;
  const acts = { "/": () => at("search").focus(), "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(1 / 1.25), 0: () => glide(fitted(whole())) };
  if (!acts[event.key]) return;
  event.preventDefault();
  acts[event.key]();
});
