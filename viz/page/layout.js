// Puts open rooms into the rooms around them. Graphviz has laid out each room once, with all calls in it closed. Where
// one is open, the plan around it is stretched, along and across, until the room fits in place of its box: what was above
// stays above, what was beside stays beside, and arrows stretch with it. Read next: boxes.js.

const PAD = 14, HEAD = 26; // around what stands in a frame, and for its name

// A map of numbers that only grows, which makes each [from, to] at least as long as is wanted.
function stretched(wants) {
  const ends = [...new Set(wants.flatMap(([from, to]) => [from, to]))].sort((a, b) => a - b);
  const moved = [...ends];
  for (let i = 1; i < ends.length; i++) {
    let long = ends[i] - ends[i - 1];
    for (const [from, to, length] of wants) {
      if (from <= ends[i - 1] && ends[i] <= to) long = Math.max(long, (length * (ends[i] - ends[i - 1])) / (to - from));
    }
    moved[i] = moved[i - 1] + long;
  }
  return (x) => {
    if (!ends.length || x <= ends[0]) return x;
    const last = ends.length - 1;
    if (x >= ends[last]) return x + moved[last] - ends[last];
    let low = 0, high = last;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (ends[middle] <= x) low = middle;
      else high = middle;
    }
    return moved[low] + ((x - ends[low]) / (ends[high] - ends[low])) * (moved[high] - moved[low]);
  };
}

// From where to where the two sides of a room's plan reach: forward, and backward beside it.
function extent(room) {
  if (room.extent) return room.extent;
  const sides = { front: [Infinity, -Infinity], back: [Infinity, -Infinity] };
  let top = Infinity, bottom = -Infinity;
  const reach = (back, x0, y0, x1, y1) => {
    const side = back ? sides.back : sides.front;
    side[0] = Math.min(side[0], x0);
    side[1] = Math.max(side[1], x1);
    top = Math.min(top, y0);
    bottom = Math.max(bottom, y1);
  };
  const back = new Map(room.boxes.map((box) => [box.id, box.back]));
  for (const box of room.boxes) reach(box.back, box.at[0], box.at[1], box.at[0] + box.at[2], box.at[1] + box.at[3]);
  for (const [name, door] of Object.entries(room.doors)) {
    back.set(name, door.back);
    reach(door.back, ...door.at, ...door.at);
  }
  for (const arrow of room.arrows) {
    if (arrow.kind === "beside") continue;
    const side = back.get(arrow.from);
    for (let i = 0; i < arrow.points.length; i += 2) reach(side, arrow.points[i], arrow.points[i + 1], arrow.points[i], arrow.points[i + 1]);
    for (const text of arrow.texts) reach(side, text.x, text.y - text.size, text.x + 0.55 * text.size * text.text.length, text.y);
  }
  return (room.extent = { ...sides, top, bottom });
}

// How wide a frame is: what stands in it, or its name.
const frameWidth = (room, back, inside) => Math.max(inside + 2 * PAD, 34 + 7 * frameName(room, back).length);
const frameName = (room, back) => (back ? `gradients in ${room.name}` : room.name);

const wide = ([from, to], f) => (from > to ? 0 : f(to) - f(from));

// How large a room is with what is open in it, and the maps that stretch its plan.
function measured(room) {
  const across = [], down = [], inside = new Map();
  const boxes = new Map(room.boxes.map((box) => [box.id, box]));
  for (const box of room.boxes) {
    const child = roomBehind.get(box.id);
    if (!child || child.id !== box.id || !open.has(child.id)) continue;
    const size = measured(child), twin = boxes.get(child.back);
    inside.set(child.id, size);
    const [x, y, w, h] = box.at;
    across.push([x, x + w, frameWidth(child, false, size.front)]);
    let top = y, bottom = y + h;
    if (twin) {
      across.push([twin.at[0], twin.at[0] + twin.at[2], frameWidth(child, true, size.back)]);
      top = Math.min(top, twin.at[1]);
      bottom = Math.max(bottom, twin.at[1] + twin.at[3]);
    }
    down.push([top, bottom, size.height + HEAD + PAD]);
  }
  const fx = stretched(across), fy = stretched(down), reach = extent(room);
  return { fx, fy, inside, front: wide(reach.front, fx), back: wide(reach.back, fx), height: fy(reach.bottom) - fy(reach.top) };
}

// Where everything that is seen lies: the frames of open rooms, boxes and arrows by their ids.
function laidOut() {
  const found = { frames: [], boxes: new Map(), arrows: new Map(), width: 0, height: 0 };
  const size = measured(outermost), reach = extent(outermost);
  const from = Math.min(reach.front[0], reach.back[0]), to = Math.max(reach.front[1], reach.back[1]);
  const corner = (side) => ({ x: side[0] > side[1] ? 0 : size.fx(side[0]) - size.fx(from), y: 0 });
  put(outermost, size, corner(reach.front), corner(reach.back), found);
  found.width = size.fx(to) - size.fx(from);
  found.height = size.height;
  return found;
}

// Puts what stands in a room at the corners that its two sides have.
function put(room, size, front, back, found) {
  const { fx, fy } = size, reach = extent(room);
  const place = (isBack) => {
    const corner = isBack ? back : front, left = fx((isBack ? reach.back : reach.front)[0]), top = fy(reach.top);
    return [(x) => corner.x + fx(x) - left, (y) => corner.y + fy(y) - top];
  };
  const places = [place(false), place(true)];
  const frames = new Map(); // id of an open box -> its frame
  for (const box of room.boxes) {
    const [X, Y] = places[box.back ? 1 : 0], [x, y, w, h] = box.at, child = roomBehind.get(box.id);
    const middle = [(X(x) + X(x + w)) / 2, (Y(y) + Y(y + h)) / 2];
    if (!child || !size.inside.has(child.id)) {
      found.boxes.set(box.id, { box, x: middle[0] - w / 2, y: middle[1] - h / 2, dx: middle[0] - x - w / 2, dy: middle[1] - y - h / 2 });
      continue;
    }
    const inner = size.inside.get(child.id);
    const content = box.back ? inner.back : inner.front, width = frameWidth(child, box.back, content), height = inner.height + HEAD + PAD;
    frames.set(box.id, { id: box.id, room: child, back: box.back, x: middle[0] - width / 2, y: middle[1] - height / 2, width, height, content });
  }
  for (const [id, frame] of frames) {
    const child = frame.room;
    if (id !== child.id) continue;
    const twin = frames.get(child.back), top = (f) => ({ x: f.x + (f.width - f.content) / 2, y: f.y + HEAD });
    if (twin) twin.y = frame.y; // so that gradients stand beside their tensors
    found.frames.push(frame, ...(twin ? [twin] : []));
    put(child, size.inside.get(child.id), top(frame), twin ? top(twin) : { x: 0, y: 0 }, found);
  }
  for (const arrow of room.arrows) {
    const laid = bent(room, arrow, places, frames, found, size);
    if (laid) found.arrows.set(arrow.id, laid);
  }
  room.doorsAt = new Map(Object.entries(room.doors).map(([name, door]) => [name, places[door.back ? 1 : 0][0](door.at[0])]));
}

// From the last result to where its gradient begins, beside it, where one of them is inside of an open room.
function straight(arrow, frames, found) {
  const part = (id) => frames.get(id) || { ...found.boxes.get(id), width: found.boxes.get(id).box.at[2], height: found.boxes.get(id).box.at[3] };
  const one = part(arrow.from), other = part(arrow.to), y = Math.min(one.y + one.height, other.y + other.height) - 20;
  const from = [one.x + one.width, y], to = [other.x, y], text = arrow.texts[0];
  return { arrow, points: [from, from, to, to], head: true, dx: text ? (from[0] + to[0]) / 2 - 10 - text.x : 0, dy: text ? y - 4 - text.y : 0 };
}

// The curve of an arrow: its ends go where the boxes went, or to the doors of open rooms.
function bent(room, arrow, places, frames, found, size) {
  if (arrow.from === arrow.to && frames.has(arrow.from)) return null;
  if (arrow.kind === "beside" && (frames.has(arrow.from) || frames.has(arrow.to))) return straight(arrow, frames, found);
  const side = (id) => (room.doors[id] ? room.doors[id].back : "gw".includes(id[0])) ? 1 : 0;
  const flat = arrow.points, last = flat.length - 2, points = [];
  for (let i = 0; i <= last; i += 2) {
    const [X, Y] = places[side(i < last / 2 ? arrow.from : arrow.to)];
    points.push([X(flat[i]), Y(flat[i + 1])]);
  }
  const reach = extent(room);
  const end = (id, i, next, other, inward) => {
    const box = found.boxes.get(id);
    if (box) { // as it was, and the curve near it
      points[i] = [flat[2 * i] + box.dx, flat[2 * i + 1] + box.dy];
      points[next] = [flat[2 * next] + box.dx, flat[2 * next + 1] + box.dy];
      return true;
    }
    if (room.doors[id]) { // the wall of this room
      const door = room.doors[id], up = door.inward !== door.back;
      const Y = places[door.back ? 1 : 0][1];
      points[i][1] = up ? Y(reach.top) - HEAD : Y(reach.bottom) + PAD;
      return false;
    }
    const frame = frames.get(id);
    if (!frame) return true;
    const partner = room.doors[other] ? room.doors[other].partner : other;
    const door = Object.entries(frame.room.doors).find(([, door]) => door.partner === partner && door.inward === inward);
    const up = points[next][1] < frame.y + frame.height / 2;
    points[i] = [door ? frame.room.doorsAt.get(door[0]) : points[i][0], up ? frame.y : frame.y + frame.height];
    points[next] = [points[i][0], points[next][1]];
    return !door;
  };
  const count = points.length - 1;
  end(arrow.from, 0, 1, arrow.to, false);
  const head = end(arrow.to, count, count - 1, arrow.from, true);
  let dx = 0, dy = 0;
  if (arrow.texts.length) {
    const [X, Y] = places[side(arrow.from)], text = arrow.texts[0];
    dx = X(text.x) - text.x;
    dy = Y(text.y) - text.y;
  }
  return { arrow, points, head, dx, dy };
}
