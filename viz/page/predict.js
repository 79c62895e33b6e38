// "Predict": the result of a step is hidden until it was guessed, or asked for. A single number, or the few numbers of a
// small tensor, are the answer; of a larger tensor it is the shape. Read next: main.js.

let tried = 0, right = 0; // answers that were given, and those that were right at once

// What the step that is told asks for; null where nothing can be asked.
function question() {
  const part = story[partNow()];
  if (!part || revealed) return null;
  const { shape, answer } = told(part);
  if (!shape) return null;
  return { shape, answer, text: shape.length === 0 ? "Which number comes out?" : answer ? "Which numbers come out, or which shape?" : "Which shape comes out?" };
}

const numbersIn = (text) => (text.replace(/\u2212/g, "-").match(/[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?/gi) || []).map(Number);

// Two digits are enough: nobody multiplies matrices in the head.
const close = (given, wanted) => Math.abs(given - wanted) <= Math.max(0.015 * Math.abs(wanted), 5e-3);
const same = (given, wanted, equal) => given.length === wanted.length && given.every((number, place) => equal(number, Number(wanted[place])));

function isRight({ shape, answer }, text) {
  const given = numbersIn(text);
  if (answer && same(given, answer, close)) return true;
  return shape.length > 0 && same(given, shape, (one, other) => one === other);
}

let asking = -1; // the step that is asked about
function ask() {
  const asked = question();
  at("asking").hidden = !asked;
  if (asked) at("question").textContent = asked.text;
  if (asking === position) return;
  asking = position;
  at("answer").value = "";
  if (asked) at("verdict").textContent = "";
}

at("asking").addEventListener("submit", (event) => {
  event.preventDefault();
  const asked = question(), text = at("answer").value.trim();
  if (!asked || !text) return;
  if (!isRight(asked, text)) {
    tried++;
    at("verdict").textContent = `${text} is not right. Try again, or show the result.`;
    at("answer").select();
    return;
  }
  tried++;
  right++;
  revealed = true;
  showStep();
  at("verdict").textContent = `${text} is right. ${right} of ${tried} answers were.`;
  at("next").focus();
});

toldNow.push(ask);
