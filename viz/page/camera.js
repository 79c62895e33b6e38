// How the map is looked at: from where, and how near. A point p of the map is seen at k·p + (x, y) of the pane.
// The wheel zooms to the pointer, two fingers pinch, a drag moves. A large map is drawn anew only when it comes to rest, or
// when its edge would be seen: while it moves, the browser moves and scales what was drawn, half a pane beyond the pane,
// as an image. Read next: map.js.

const pane = at("pane"), world = at("world"), sheet = at("map");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const FAR = 0.28; // from farther than that letters are specks
const camera = { x: 0, y: 0, k: 1, nearest: 6, farthest: 0.02, moved: () => {}, drawn: () => {} };
const rest = { x: 0, y: 0, k: 1 }; // from where the map was drawn last
const SHARP = 1.7, PAUSE = 140; // an image is scaled by no more than that; milliseconds without a move that are a rest
let drawing = 0, gliding = 0, resting = 0;

function look(x, y, k) {
  camera.k = Math.max(camera.farthest, Math.min(camera.nearest, k));
  camera.x = x;
  camera.y = y;
  drawing ||= requestAnimationFrame(() => {
    drawing = 0;
    clearTimeout(resting);
    if (!isLarge() || !movedAsImage()) drawAnew();
    else resting = setTimeout(drawAnew, PAUSE);
    camera.moved();
  });
}

function drawAnew() {
  clearTimeout(resting);
  const { x, y, k } = Object.assign(rest, { x: camera.x, y: camera.y, k: camera.k });
  world.setAttribute("transform", `translate(${(x + pane.clientWidth / 2).toFixed(2)} ${(y + pane.clientHeight / 2).toFixed(2)}) scale(${k.toFixed(5)})`);
  world.classList.toggle("far", k < FAR);
  sheet.style.transform = "";
  camera.drawn();
}

// Moves what was drawn at rest to where it is seen from now; false where it does not reach, or is no longer sharp.
function movedAsImage() {
  const by = camera.k / rest.k, x = camera.x - by * rest.x, y = camera.y - by * rest.y, w = pane.clientWidth, h = pane.clientHeight;
  const reaches = x <= (by * w) / 2 && y <= (by * h) / 2 && x + 1.5 * by * w >= w && y + 1.5 * by * h >= h;
  if (by > SHARP || !reaches) return false;
  sheet.style.transform = `translate(${x.toFixed(2)}px, ${y.toFixed(2)}px) scale(${by.toFixed(5)})`;
  return true;
}

// What lies at (x, y) of the pane stays there.
function zoom(factor, x = pane.clientWidth / 2, y = pane.clientHeight / 2) {
  cancelAnimationFrame(gliding);
  const k = Math.max(camera.farthest, Math.min(camera.nearest, camera.k * factor)), by = k / camera.k;
  look(x - (x - camera.x) * by, y - (y - camera.y) * by, k);
}

// Where to look from, so that a part of the map fills the pane; no nearer than `most`.
function fitted({ x, y, width, height }, most = 1.6) {
  const margin = 12, w = pane.clientWidth, h = pane.clientHeight;
  const k = Math.max(camera.farthest, Math.min(most, (w - 2 * margin) / width, (h - 2 * margin) / height));
  return { x: w / 2 - k * (x + width / 2), y: h / 2 - k * (y + height / 2), k };
}

function glide(to) {
  cancelAnimationFrame(gliding);
  if (calm.matches) return look(to.x, to.y, to.k);
  const from = { ...camera }, began = performance.now(), lasts = 260;
  const frame = (now) => {
    const t = Math.min(1, Math.max(0, (now - began) / lasts)), s = t * t * (3 - 2 * t);
    const k = from.k * (to.k / from.k) ** s, share = to.k === from.k ? s : (k - from.k) / (to.k - from.k);
    look(from.x + (to.x - from.x) * share, from.y + (to.y - from.y) * share, k);
    if (t < 1) gliding = requestAnimationFrame(frame);
  };
  gliding = requestAnimationFrame(frame);
}

// The part of the map that is seen.
const seen = () => ({ x: -camera.x / camera.k, y: -camera.y / camera.k, width: pane.clientWidth / camera.k, height: pane.clientHeight / camera.k });

// Moves no further than it takes to see a part of the map.
function bringIntoView({ x, y, width, height }) {
  const there = seen();
  if (x >= there.x && y >= there.y && x + width <= there.x + there.width && y + height <= there.y + there.height) return;
  if (width > there.width || height > there.height) return glide(fitted({ x, y, width, height }));
  glide({ x: pane.clientWidth / 2 - camera.k * (x + width / 2), y: pane.clientHeight / 2 - camera.k * (y + height / 2), k: camera.k });
}

pane.addEventListener("wheel", (event) => {
  event.preventDefault();
  const frame = pane.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), event.clientX - frame.left, event.clientY - frame.top);
}, { passive: false });

const fingers = new Map(); // pointers that are down, and where; a mouse is a finger
let dragged = false; // a drag is no click

pane.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  if (!fingers.size) dragged = false;
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY, x0: event.clientX, y0: event.clientY });
});
addEventListener("pointermove", (event) => {
  const finger = fingers.get(event.pointerId);
  if (!finger) return;
  const dx = event.clientX - finger.x, dy = event.clientY - finger.y;
  dragged ||= fingers.size > 1 || Math.hypot(event.clientX - finger.x0, event.clientY - finger.y0) > 4;
  if (!dragged) return;
  cancelAnimationFrame(gliding);
  if (fingers.size === 1) {
    if (!pane.hasPointerCapture(event.pointerId)) pane.setPointerCapture(event.pointerId);
    look(camera.x + event.clientX - finger.x, camera.y + event.clientY - finger.y, camera.k);
  } else {
    const other = [...fingers].find(([id]) => id !== event.pointerId)[1], frame = pane.getBoundingClientRect();
    const before = Math.hypot(finger.x - other.x, finger.y - other.y);
    const after = Math.hypot(event.clientX - other.x, event.clientY - other.y);
    look(camera.x + dx / 2, camera.y + dy / 2, camera.k);
    zoom(after / Math.max(before, 1), (event.clientX + other.x) / 2 - frame.left, (event.clientY + other.y) / 2 - frame.top);
  }
  finger.x = event.clientX;
  finger.y = event.clientY;
});
const lift = (event) => fingers.delete(event.pointerId);
addEventListener("pointerup", lift);
addEventListener("pointercancel", lift);
pane.addEventListener("click", (event) => dragged && event.stopPropagation(), true);
