// A small picture of the whole map, with a frame around what is seen of it; it hides where all is seen. A press or a drag
// in it moves the map. Read next: keys.js.

const overview = at("overview");

function drawOverview() {
  const { x, y, width, height } = whole();
  overview.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
  const part = (kind, look) => svg("rect", { class: kind, ...look });
  const frames = seenNow.frames.map(({ x, y, width, height, back }) => part(back ? "room back" : "room", { x, y, width, height }));
  const boxes = [...seenNow.boxes.values()].map(({ box, x, y }) => part(box.back ? "back" : "front", { x, y, width: box.at[2], height: box.at[3] }));
  at("overview-parts").replaceChildren(...frames, ...boxes);
}

function frameWhatIsSeen() {
  const all = whole(), there = seen();
  const hidden = there.x > all.x + 20 || there.y > all.y + 20 || there.x + there.width < all.x + all.width - 20 || there.y + there.height < all.y + all.height - 20;
  overview.classList.toggle("useful", hidden);
  for (const [name, value] of Object.entries(there)) at("overview-seen").setAttribute(name, Math.max(value, 0.01) === value || name === "x" || name === "y" ? value : 0.01);
}

// The middle of what is seen goes where the overview was pressed.
function lookWherePressed(event) {
  const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(overview.getScreenCTM().inverse());
  look(pane.clientWidth / 2 - camera.k * place.x, pane.clientHeight / 2 - camera.k * place.y, camera.k);
}

overview.addEventListener("pointerdown", (event) => {
  event.stopPropagation();
  overview.setPointerCapture(event.pointerId);
  cancelAnimationFrame(gliding);
  lookWherePressed(event);
});
overview.addEventListener("pointermove", (event) => overview.hasPointerCapture(event.pointerId) && lookWherePressed(event));
