// What is said of the box that was chosen: terms and what they are, its numbers, and how its operation is defined.
// Read next: search.js.

let chosen = "";
const chosenNow = []; // what is to be done when a box is chosen, with its id

function choose(id, scroll) {
  const box = data.boxes[id];
  if (!box) return;
  drawnBoxes.get(chosen)?.classList.remove("chosen");
  chosen = id;
  drawnBoxes.get(id)?.classList.add("chosen");
  at("detail").hidden = false;
  at("detail-name").textContent = box.name;
  at("facts").replaceChildren(
    ...box.facts.flatMap(([term, text]) => {
      const dt = document.createElement("dt"), dd = document.createElement("dd");
      dt.textContent = term;
      dd.textContent = text;
      return [dt, dd];
    })
  );
  for (const tell of chosenNow) tell(id);
  const last = steps.findLast((step) => step.box === id && !step.partial);
  const hidden = at("predict").checked && known.get(id) > position;
  at("detail-heats").replaceChildren(...(last && last.heat && !hidden ? [heatMap(last.heat, last.name)] : []));
  const source = data.sources[box.source] || "";
  at("source").textContent = source;
  at("source-title").hidden = at("source").parentElement.hidden = !source;
  if (scroll) at("detail").scrollIntoView({ block: "nearest" });
}
