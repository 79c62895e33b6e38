// Small tensors as pictures: a cell for each number, coloured by its share of the largest. Read next: story.js.

function heatMaps(step) {
  const maps = [];
  if (step.heat) maps.push(heatMap(step.heat, step.name));
  if (step.local) maps.push(heatMap(step.local, "local Jacobian: a row for each output, a column for each input"));
  return maps;
}

function short(value) {
  if (typeof value !== "number") return value;
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

function heatMap({ rows, columns, values }, caption) {
  const figure = document.createElement("figure");
  const title = document.createElement("figcaption");
  title.textContent = caption;
  const written = values.length <= 64; // large enough to have their numbers written on them
  // As wide as the longest number needs, so that none runs into the next.
  const longest = Math.max(...values.map((value) => short(value).length));
  const size = written ? Math.max(36, 7 * longest + 10) : Math.max(5, Math.min(18, Math.floor(360 / columns)));
  const height = written ? 24 : size;
  const picture = svg("svg", { viewBox: `0 0 ${columns * size} ${rows * height}`, width: columns * size, role: "img", "aria-label": `${caption}, ${rows} by ${columns}` });
  picture.classList.toggle("written", written);
  const numbers = values.filter((value) => typeof value === "number");
  const largest = Math.max(...numbers.map(Math.abs), 1e-30);
  values.forEach((value, index) => {
    const x = (index % columns) * size, y = Math.floor(index / columns) * height;
    const share = typeof value === "number" ? value / largest : 0;
    const cell = svg("rect", { x, y, width: size, height });
    const end = share < 0 ? "--low" : "--high";
    cell.style.fill = typeof value === "number" ? `color-mix(in srgb, var(${end}) ${Math.round(Math.abs(share) * 65)}%, var(--middle))` : "var(--alarm)";
    const name = svg("title", {});
    name.textContent = String(value);
    cell.append(name);
    picture.append(cell);
    if (written) {
      const number = svg("text", { x: x + size / 2, y: y + height / 2 });
      number.textContent = short(value);
      picture.append(number);
    }
  });
  figure.append(title, picture);
  return figure;
}
