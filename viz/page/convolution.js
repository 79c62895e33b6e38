// A pixel of a convolution: pointing at it shows its window in the image, the products with the filter, and their sum; and
// backward, the pixels that receive its gradient. Read next: program.js.

const TILE = 96; // how wide a channel is drawn
const convolutionOf = new Map(); // id of a box -> the convolution whose result it shows
for (const found of data.convolutions) for (const box of found.boxes) convolutionOf.set(box, found);

const numberAt = ({ shape, values }, ...place) => values[place.reduce((index, at, axis) => index * shape[axis] + at, 0)];

// The window that an output pixel looks through: for each place of the filter the pixel of the image; null beside it.
function windowOf(conv, y, x) {
  const [, , high, wide] = conv.weight.shape, [, H, W] = conv.input.shape, places = [];
  for (let i = 0; i < high; i++) {
    for (let j = 0; j < wide; j++) {
      const v = y * conv.stride[0] - conv.padding[0] + i * conv.dilation[0], u = x * conv.stride[1] - conv.padding[1] + j * conv.dilation[1];
      places.push(v >= 0 && v < H && u >= 0 && u < W ? [v, u] : null);
    }
  }
  return places;
}

// What each channel gives to an output pixel: what is seen, the filter, and their products.
function productsAt(conv, o, y, x) {
  const [out, own, , wide] = conv.weight.shape, first = Math.floor(o / (out / conv.groups)) * own, places = windowOf(conv, y, x);
  return Array.from({ length: own }, (_, c) => {
    const seen = places.map((place) => (place ? numberAt(conv.input, first + c, ...place) : 0));
    const filter = places.map((_, k) => numberAt(conv.weight, o, c, Math.floor(k / wide), k % wide));
    const products = seen.map((value, k) => value * filter[k]);
    return { channel: first + c, seen, filter, products, sum: products.reduce((a, b) => a + b, 0) };
  });
}

// -- the picture of it --------------------------------------------------------------------------------

let shownConv = null, pointed = [0, 0, 0]; // the convolution that is shown, and the output pixel: channel, row, column

function showConvolution(id) {
  shownConv = convolutionOf.get(id) || null;
  at("convolution").hidden = !shownConv;
  if (!shownConv) return;
  pointed = [0, Math.floor(shownConv.output.shape[1] / 2), Math.floor(shownConv.output.shape[2] / 2)];
  paintTiles(at("conv-input"), shownConv.input);
  paintTiles(at("conv-output"), shownConv.output);
  showPixel();
}

// The channels side by side, each as wide as a tile; the largest numbers by size are the deepest.
function paintTiles(canvas, { shape: [channels, high, wide], values }) {
  const scale = Math.max(1, Math.floor(TILE / wide)), columns = Math.max(1, Math.min(channels, Math.floor(360 / (wide * scale + 4))));
  Object.assign(canvas, { width: columns * (wide * scale + 4), height: Math.ceil(channels / columns) * (high * scale + 4) });
  canvas.tiles = { scale, columns, high, wide, channels };
  const pen = canvas.getContext("2d"), largest = Math.max(...values.map(Math.abs), 1e-30), dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const [low, middle, top] = dark ? [[94, 163, 224], [42, 50, 60], [224, 146, 77]] : [[33, 102, 172], [244, 244, 244], [178, 88, 27]];
  values.forEach((value, index) => {
    const c = Math.floor(index / (high * wide)), y = Math.floor(index / wide) % high, x = index % wide, share = Math.abs(value) / largest;
    const end = value < 0 ? low : top;
    pen.fillStyle = `rgb(${middle.map((from, k) => Math.round(from + share * (end[k] - from))).join(" ")})`;
    const [left, above] = cornerOf(canvas.tiles, c);
    pen.fillRect(left + x * scale, above + y * scale, scale, scale);
  });
  canvas.clean = pen.getImageData(0, 0, canvas.width, canvas.height);
}

const cornerOf = ({ scale, columns, high, wide }, channel) => [(channel % columns) * (wide * scale + 4), Math.floor(channel / columns) * (high * scale + 4)];

function outline(canvas, channel, y, x, high = 1, wide = 1) {
  const pen = canvas.getContext("2d"), { scale } = canvas.tiles, [left, above] = cornerOf(canvas.tiles, channel);
  pen.strokeStyle = getComputedStyle(document.body).getPropertyValue("--now");
  pen.lineWidth = 2;
  pen.strokeRect(left + x * scale, above + y * scale, wide * scale, high * scale);
}

function showPixel() {
  const conv = shownConv, [o, y, x] = pointed, parts = productsAt(conv, o, y, x);
  const [, , high, wide] = conv.weight.shape, reach = [conv.dilation[0] * (high - 1) + 1, conv.dilation[1] * (wide - 1) + 1];
  for (const id of ["conv-input", "conv-output"]) at(id).getContext("2d").putImageData(at(id).clean, 0, 0);
  outline(at("conv-output"), o, y, x);
  const from = [y * conv.stride[0] - conv.padding[0], x * conv.stride[1] - conv.padding[1]];
  for (const { channel } of parts) outline(at("conv-input"), channel, ...from, ...reach);
  const bias = conv.bias ? conv.bias.values[o] : 0, sum = parts.reduce((total, part) => total + part.sum, bias);
  const terms = parts.map((part) => (part.sum < 0 ? `(${short(part.sum)})` : short(part.sum)));
  const shown = terms.length > 6 ? [...terms.slice(0, 5), `… ${terms.length - 5} more`] : terms;
  at("conv-sum").textContent = `Pixel (${y}, ${x}) of channel ${o}: ${shown.join(" + ")}${conv.bias ? ` + bias ${short(bias)}` : ""} = ${short(sum)}`;
  const most = parts.reduce((a, b) => (Math.abs(b.sum) > Math.abs(a.sum) ? b : a));
  const grid = (values, caption) => heatMap({ rows: high, columns: wide, values: values.map((value) => Number(value.toPrecision(4))) }, caption);
  at("conv-parts").replaceChildren(
    grid(most.seen, `what is seen of channel ${most.channel}`), grid(most.filter, "times the filter"), grid(most.products, `gives these products, whose sum is ${short(most.sum)}`),
    ...(conv.gradient ? [backTo(conv, grid, most, numberAt(conv.gradient, o, y, x))] : [])
  );
}

// The share of an input pixel's gradient that comes from this output pixel.
function backTo(conv, grid, { filter, channel }, gradient) {
  return grid(filter.map((weight) => weight * gradient), `backward: the gradient of this pixel, ${short(gradient)}, gives these shares to the same pixels of channel ${channel}`);
}

function pointAt(event) {
  const canvas = at("conv-output"), frame = canvas.getBoundingClientRect(), { scale, columns, high, wide, channels } = canvas.tiles;
  const x = ((event.clientX - frame.left) / frame.width) * canvas.width, y = ((event.clientY - frame.top) / frame.height) * canvas.height;
  const column = Math.floor(x / (wide * scale + 4)), row = Math.floor(y / (high * scale + 4)), channel = row * columns + column;
  const place = [channel, Math.floor((y - row * (high * scale + 4)) / scale), Math.floor((x - column * (wide * scale + 4)) / scale)];
  if (channel >= channels || place[1] >= high || place[2] >= wide || place.some((k) => k < 0)) return;
  pointed = place;
  showPixel();
}

for (const kind of ["pointermove", "pointerdown"]) at("conv-output").addEventListener(kind, pointAt);
at("conv-output").addEventListener("keydown", (event) => {
  const moves = { ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0], ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1], PageUp: [-1, 0, 0], PageDown: [1, 0, 0] };
  if (!moves[event.key]) return;
  event.preventDefault();
  event.stopPropagation();
  pointed = pointed.map((at, axis) => Math.max(0, Math.min(shownConv.output.shape[axis] - 1, at + moves[event.key][axis])));
  showPixel();
});
chosenNow.push(showConvolution);
