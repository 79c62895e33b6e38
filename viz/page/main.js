// Begins: wires the buttons and the keys of the story, and opens as much as the window can show.

at("next").addEventListener("click", () => go(partNow() + 2));
at("back").addEventListener("click", () => go(partNow()));
at("first").addEventListener("click", () => go(0));
at("last").addEventListener("click", () => go(story.length));
at("slider").addEventListener("input", () => go(Number(at("slider").value)));
at("inside").addEventListener("click", () => goInto(story[partNow()].from));
at("reveal").addEventListener("click", () => {
  revealed = true;
  showStep();
  at("next").focus();
});
at("predict").addEventListener("change", showStep);
document.addEventListener("DOMContentLoaded", () => {
  rows.push(...document.querySelectorAll("#all tbody tr"));
  if (position) showStep();
  at("all").addEventListener("click", (event) => {
    const index = rows.indexOf(event.target.closest("tbody tr"));
    if (index >= 0) goInto(index);
  });
});
document.addEventListener("keydown", (event) => {
  const moves = { ArrowRight: partNow() + 2, ArrowLeft: partNow(), Home: 0, End: story.length };
  if (!(event.key in moves) || event.target.closest?.("input") || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  go(moves[event.key]);
});

changed.push(tellAgain, showStep, drawOverview, () => reach(reached));
if (outermost) {
  at("pane").replaceChildren(at("map"));
  for (const part of ["map", "zoom", "crumbs"]) at(part).toggleAttribute("hidden", false);
  at("smaller").addEventListener("click", () => zoom(1 / 1.25));
  at("larger").addEventListener("click", () => zoom(1.25));
  at("fit").addEventListener("click", () => glide(fitted(whole())));
  at("open-all").addEventListener("click", () => openAll(true));
  at("close-all").addEventListener("click", () => openAll(false));
  camera.drawn = cull;
  camera.moved = () => {
    showCrumbs();
    frameWhatIsSeen();
  };
  if (data.open) for (const id of data.open) open.add(id);
  const begin = () => {
    if (!data.open) openWhatFits();
    redraw();
    const first = fitted(whole());
    look(first.x, first.y, first.k);
  };
  begin();
  // In a frame of a notebook, the page may run before its window has a size.
  if (!pane.clientWidth) new ResizeObserver((_, watching) => pane.clientWidth && (watching.disconnect(), begin())).observe(pane);
} else {
  for (const room of rooms.values()) open.add(room.id);
  tellAgain();
  showStep();
}
requestAnimationFrame(() => requestAnimationFrame(() => performance.mark("first view"))); // for the benchmark
at("controls").hidden = false;
document.body.classList.add("stepping");
