// Finds boxes by what they are called, by their operation, or by where they stand. "/" begins. What is found is shown,
// with the rooms around it opened. Read next: overview.js.

const MOST_FOUND = 12;
let entriesOfAll = null; // [what is searched in, the id of the box, what is shown of it]
let foundNow = [], selected = -1;

function searchable() {
  entriesOfAll ||= [...roomOf].flatMap(([id, room]) => {
    const box = data.boxes[id];
    if (!box) return [];
    const operation = box.facts.find(([term]) => term === "operation" || term === "module" || term === "function")?.[1].split("(")[0] || "";
    const where = way(room).slice(1).map((here) => here.name).join(" › ");
    return [{ id, name: box.name, operation, where, text: `${box.name} ${operation} ${where}`.toLowerCase() }];
  });
  return entriesOfAll;
}

// The boxes that a text is found in, those first whose names begin with it.
function search(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  const found = searchable().filter((entry) => words.every((word) => entry.text.includes(word)));
  const rank = ({ name, operation }) => [name, operation].findIndex((said) => said.toLowerCase().startsWith(words[0]));
  const order = (entry) => (rank(entry) < 0 ? 2 : rank(entry));
  return found.sort((one, other) => order(one) - order(other));
}

function showFound() {
  const all = search(at("search").value);
  foundNow = all.slice(0, MOST_FOUND);
  selected = foundNow.length ? 0 : -1;
  const entries = foundNow.map(({ name, operation, where }, place) => {
    const entry = document.createElement("li"), more = document.createElement("span");
    entry.id = `found-${place}`;
    entry.setAttribute("role", "option");
    more.textContent = ` ${[operation, where && `in ${where}`].filter(Boolean).join(" · ")}`;
    entry.append(name, more);
    entry.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      goTo(place);
    });
    return entry;
  });
  at("found").replaceChildren(...entries);
  at("found").hidden = !entries.length;
  at("search").setAttribute("aria-expanded", String(entries.length > 0));
  say(at("search").value ? `${all.length} found` : "");
  markFound(0);
}

function markFound(step) {
  if (foundNow.length) selected = (selected + step + foundNow.length) % foundNow.length;
  [...at("found").children].forEach((entry, place) => entry.setAttribute("aria-selected", String(place === selected)));
  if (selected >= 0) at("search").setAttribute("aria-activedescendant", `found-${selected}`);
  else at("search").removeAttribute("aria-activedescendant");
}

function goTo(place) {
  const found = foundNow[place];
  endSearch();
  if (!found) return;
  reveal(found.id);
  choose(found.id, true);
  focusOn(found.id);
}

function endSearch() {
  at("search").value = "";
  showFound();
}

at("search").addEventListener("input", showFound);
at("search").addEventListener("blur", () => (at("found").hidden = true));
at("search").addEventListener("focus", () => (at("found").hidden = !foundNow.length));
at("search").addEventListener("keydown", (event) => {
  const acts = {
    ArrowDown: () => markFound(1),
    ArrowUp: () => markFound(-1),
    Enter: () => goTo(selected),
    Escape: () => {
      endSearch();
      at("search").blur();
    },
  };
  if (!acts[event.key]) return;
  event.preventDefault();
  event.stopPropagation();
  acts[event.key]();
});
