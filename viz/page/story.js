// The story: what happens, one step after the other, and what is seen of it on the map. A closed box is one step of all
// that happens in it; where it is open, its own steps are told. Read next: detail.js.

let story = []; // parts: from which step to which, and the box that shows it
let position = 0; // how many steps are done; 0 is the whole picture
let revealed = true;
const known = new Map(); // id of what is drawn -> the number of steps after which it is complete
const toldNow = []; // what is to be done when another step is told
const rows = []; // of the table of all steps, which is read after the script

function tellAgain() {
  story = [];
  known.clear();
  steps.forEach((step, index) => {
    const box = shownBy(step.box), last = story[story.length - 1], inside = box !== step.box;
    if (inside && last && last.inside && last.box === box) last.to = index + 1;
    else story.push({ from: index, to: index + 1, box, inside });
    if (inside || !step.partial || !known.has(box)) known.set(box, index + 1);
    for (const arrow of step.arrows) known.set(arrow, index + 1);
  });
  at("slider").max = story.length;
}

// The part of the story that was told last; -1 before the first.
const partNow = () => story.findLastIndex((part) => part.from < position);

function go(target, reveal) {
  const part = story[Math.min(target, story.length) - 1], before = position;
  position = part ? part.to : 0;
  revealed = reveal || !at("predict").checked || position <= before;
  showStep();
  const box = part && seenNow.boxes.has(part.box) && partOf(part.box);
  if (box) bringIntoView(box);
}

// Goes to a single step, and opens what it happens in.
function goInto(index) {
  reveal(steps[index].box);
  go(story.findIndex((part) => part.to > index) + 1, true);
}

// What is said of a step, or of all that happens in a closed box as of one.
function told(part) {
  const { from, to, box, inside } = part, last = steps[Math.min(to, position) - 1];
  if (!inside) return { ...last, what: `${last.phase} · ${last.operation}${last.module ? ` · in ${last.module}` : ""}`, heats: last };
  const here = steps.slice(from, to), call = data.boxes[box] || {}, checks = here.filter((step) => step.check);
  const differ = checks.find((step) => step.check.endsWith("differ"));
  const done = here.findLast((step) => step.kind !== "given") || last;
  return {
    ...done,
    what: `${last.phase} · ${call.name} · ${to - from} step${to - from > 1 ? "s" : ""} inside`,
    rule: last.phase === "forward" ? call.rule || call.name : `back through ${call.of || call.name}`,
    shapes: call.shapes && last.phase === "forward" ? call.shapes : "",
    numbers: "",
    value: done.value ? `${done.name}: ${done.value}` : "",
    check: differ ? differ.check : checks.length ? `${checks.length} finite difference${checks.length > 1 ? "s" : ""} inside` : "",
    heats: { heat: done.heat, name: done.name },
    answer: undefined, // what is inside of a closed box is not for the head: its shape is asked for
  };
}

function showStep() {
  const index = partNow(), part = story[index] || null, step = part && told(part), asked = step !== null && !revealed;
  document.body.classList.toggle("backward", step !== null && step.phase === "backward");
  light(part, asked);
  at("slider").value = index + 1;
  at("slider").setAttribute("aria-valuetext", step ? `${index + 1} of ${story.length}: ${step.rule}` : "the whole picture");
  at("back").disabled = at("first").disabled = index < 0;
  at("next").disabled = at("last").disabled = index === story.length - 1;
  at("what").textContent = step ? `Step ${index + 1} of ${story.length} · ${step.what}` : "The whole picture";
  at("rule").textContent = step ? step.rule : data.hint;
  at("shapes").textContent = !step ? "" : asked ? step.shapes.replace(/→.*/, "→ ?") : step.shapes;
  at("result").hidden = asked;
  at("reveal").hidden = !asked;
  at("inside").hidden = !(part && part.inside);
  at("numbers").textContent = step ? step.numbers : "";
  at("value").textContent = step && !step.numbers ? step.value : "";
  at("check").textContent = step ? step.check : "";
  at("check").classList.toggle("differs", step !== null && step.check.endsWith("differ"));
  at("held").textContent = position ? steps[position - 1].held : `at most ${data.peak}`;
  moveMarker();
  at("heats").replaceChildren(...(step && !asked ? heatMaps(step.heats) : []));
  showRows(part, asked);
  for (const tell of toldNow) tell();
}

// Lights what the step works on, and dims what comes later.
function light(part, asked) {
  const now = new Set(part ? [part.box, ...steps.slice(part.from, part.to).flatMap((step) => step.arrows)] : []);
  const mark = (group, id) => {
    const when = known.get(id), current = now.has(id);
    group.classList.toggle("now", current);
    group.classList.toggle("later", part !== null && !current && when > position);
    group.classList.toggle("asked", current && (asked || when > position));
  };
  for (const id of seenNow.boxes.keys()) mark(drawnBoxes.get(id), id);
  for (const id of seenNow.arrows.keys()) mark(drawnArrows.get(id), id);
}

let marked = []; // rows of the step that is told
function showRows(part, asked) {
  for (const row of marked) row.removeAttribute("aria-current");
  marked = part ? rows.slice(part.from, part.to) : [];
  for (const row of marked) row.setAttribute("aria-current", "step");
  const hiding = at("predict").checked;
  document.body.classList.toggle("hiding", hiding);
  if (hiding) rows.forEach((row, index) => row.classList.toggle("unseen", index >= position || (asked && index >= part.from)));
}

function moveMarker() {
  const marker = at("marker");
  if (!marker) return;
  const x = steps.length > 1 ? ((Math.max(position, 1) - 1) / (steps.length - 1)) * data.width : 0;
  marker.setAttribute("x1", x);
  marker.setAttribute("x2", x);
  marker.setAttribute("visibility", position ? "visible" : "hidden");
}
