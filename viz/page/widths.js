// The width of an arrow as the size of the gradient that comes back along it: where arrows thin out, learning dies.
// Read next: predict.js.

const THINNEST = 0.5, WIDEST = 9;
const sizes = Object.values(data.flows).filter((size) => size > 0);
const smallest = Math.log(Math.min(...sizes)), largest = Math.log(Math.max(...sizes));

// On a logarithmic scale, from the smallest gradient of the graph to the largest; 0 is a hair.
function widthOf(size) {
  if (!(size > 0)) return 0.15;
  return largest > smallest ? THINNEST + ((Math.log(size) - smallest) / (largest - smallest)) * (WIDEST - THINNEST) : WIDEST / 2;
}

function showWidths() {
  const on = at("widths").checked;
  at("map").classList.toggle("widths", on);
  for (const id of seenNow.arrows.keys()) {
    const group = drawnArrows.get(id), size = data.flows[id], curve = group.firstChild;
    if (on && size !== undefined) curve.style.strokeWidth = widthOf(size).toFixed(2);
    else curve.style.strokeWidth = "";
    group.classList.toggle("without", on && size === undefined);
  }
}

// What a width means, in words: the two ends of the scale.
const inWords = (size) => (size < 1e-3 || size >= 1e4 ? size.toExponential(1) : String(Number(size.toPrecision(2))));
if (sizes.length) {
  at("widths-scale").textContent = ` from ${inWords(Math.exp(smallest))} to ${inWords(Math.exp(largest))}`;
  at("widths").parentElement.hidden = false;
  at("widths").addEventListener("change", showWidths);
  changed.push(showWidths);
}
