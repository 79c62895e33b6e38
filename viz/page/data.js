"use strict";
// What the page carries, and the tree of its rooms. All text is set as text, never as markup, and nothing is fetched.
// A room is a call of a module or a function; closed, it is a box in the room around it. Read next: layout.js.

const data = JSON.parse(document.getElementById("data").textContent);
const nothing = { shapes: "", numbers: "", value: "", module: "", check: "", box: "", arrows: [] };
const steps = data.steps.map((step) => ({ ...nothing, ...step }));
const at = (id) => document.getElementById(id);

const rooms = new Map(); // id -> room; "" is the outermost
const roomOf = new Map(); // id of a box -> the room that it stands in
const roomBehind = new Map(); // id of a closed call, or of its gradients -> the room that it opens into

for (const room of data.rooms || []) {
  rooms.set(room.id, room);
  for (const box of room.boxes) roomOf.set(box.id, room);
  if (room.id === "") continue;
  for (const id of [room.id, room.back]) if (id) roomBehind.set(id, room);
}
const outermost = rooms.get("");

const around = (room) => (room.id === "" ? null : rooms.get(room.around));

// The rooms from the outermost to this one.
function way(room) {
  const found = [];
  for (let here = room; here; here = around(here)) found.unshift(here);
  return found;
}

const open = new Set([""]); // the ids of the rooms that are open

// What shows a box now: itself, or the closed call around it that is seen.
function shownBy(id) {
  const room = roomOf.get(id);
  if (!room) return id; // there is no map
  const back = "gw".includes(id[0]);
  const shut = way(room).find((here) => !open.has(here.id));
  if (!shut) return id;
  return back && shut.back ? shut.back : shut.id;
}
