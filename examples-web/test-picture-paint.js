// How the test picture looks: a card with bars, a ring that fills once a second, the time of day, and a wire that never rests.

const FACE = 'ui-monospace, "SF Mono", "Cascadia Mono", "Roboto Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';
const WORDS = 'ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif';
/** Verdigris, then copper. */
const BARS = ["#eef4f2", "#f3cf6d", "#5fd3bd", "#3fae7c", "#e2894f", "#c2455a", "#4a6fc0", "#1b2f38"];
/** Where the dial stands, of the height. The pages write above it and below it. */
const MIDDLE = 0.41;
const TAU = Math.PI * 2;
const two = (number) => String(number).padStart(2, "0");

/** Draws one frame: `{ width, height, now, frame, name }`. */
export function paint(brush, card) {
  backdrop(brush, card);
  wires(brush, card);
  bars(brush, card);
  dial(brush, card);
  words(brush, card);
}

function backdrop(brush, { width, height }) {
  const sky = brush.createLinearGradient(0, 0, 0, height);
  sky.addColorStop(0, "#0a1f22");
  sky.addColorStop(1, "#14433f");
  brush.fillStyle = sky;
  brush.fillRect(0, 0, width, height);
  brush.strokeStyle = "rgb(190 235 225 / 9%)";
  brush.lineWidth = 1;
  brush.beginPath();
  for (let x = 30.5; x < width; x += 60) line(brush, x, 0, x, height);
  for (let y = 30.5; y < height; y += 60) line(brush, 0, y, width, y);
  brush.stroke();
}

function line(brush, fromX, fromY, toX, toY) {
  brush.moveTo(fromX, fromY);
  brush.lineTo(toX, toY);
}

/** Three strands that swing, each with a bead that runs along it. */
function wires(brush, { width, height, now }) {
  const time = now.getTime() / 1000;
  const middle = height * MIDDLE;
  for (const [at, color] of ["#57d3bb", "#f5aa78", "#a4bcf5"].entries()) {
    const y = (x) => middle + Math.sin((x / width) * TAU * (1.1 + at * 0.35) + time * (0.9 + at * 0.3)) * (56 + at * 30);
    brush.strokeStyle = color;
    brush.globalAlpha = 0.75;
    brush.lineWidth = 3;
    brush.beginPath();
    for (let x = 0; x <= width; x += 12) brush.lineTo(x, y(x));
    brush.stroke();
    brush.globalAlpha = 1;
    const bead = ((time * (0.16 + at * 0.05)) % 1) * width;
    disc(brush, bead, y(bead), 9, color);
  }
}

function disc(brush, x, y, radius, fill) {
  brush.fillStyle = fill;
  brush.beginPath();
  brush.arc(x, y, radius, 0, TAU);
  brush.fill();
}

/** Colours stand still; a light passes over them every four seconds. */
function bars(brush, { width, height, now }) {
  const [top, tall] = [height * 0.73, 34];
  const wide = width / BARS.length;
  for (const [at, color] of BARS.entries()) {
    brush.fillStyle = color;
    brush.fillRect(at * wide, top, wide + 1, tall);
  }
  const light = ((now.getTime() % 4000) / 4000) * (width + 120) - 60;
  brush.fillStyle = "rgb(255 255 255 / 65%)";
  brush.fillRect(light - 4, top - 6, 8, tall + 12);
}

/** The ring is whole at the end of each second, and begins again. */
function dial(brush, { width, height, now }) {
  const [x, y, radius] = [width / 2, height * MIDDLE, 150];
  disc(brush, x, y, radius, "rgb(7 22 24 / 88%)");
  ring(brush, x, y, radius - 10, 1, "rgb(190 235 225 / 16%)");
  ring(brush, x, y, radius - 10, now.getMilliseconds() / 1000, now.getSeconds() % 2 ? "#f5aa78" : "#57d3bb");
  brush.fillStyle = "#f2faf7";
  brush.textAlign = "center";
  brush.textBaseline = "alphabetic";
  brush.font = `650 48px ${FACE}`;
  brush.fillText(`${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`, x, y + 10);
  brush.fillStyle = "#9fd3c8";
  brush.font = `500 28px ${FACE}`;
  brush.fillText(`.${String(now.getMilliseconds()).padStart(3, "0")}`, x, y + 50);
}

function ring(brush, x, y, radius, share, color) {
  brush.strokeStyle = color;
  brush.lineWidth = 10;
  brush.lineCap = "round";
  brush.beginPath();
  brush.arc(x, y, radius, -TAU / 4, -TAU / 4 + share * TAU);
  brush.stroke();
}

function words(brush, { width, now, frame, name }) {
  brush.fillStyle = "#e5efec";
  brush.textBaseline = "top";
  brush.textAlign = "left";
  brush.font = `650 24px ${WORDS}`;
  brush.fillText(name, 30, 112, width * 0.3);
  brush.fillStyle = "#9fd3c8";
  brush.font = `400 19px ${WORDS}`;
  brush.fillText("test picture", 30, 144);
  brush.textAlign = "right";
  brush.font = `500 20px ${FACE}`;
  brush.fillText(`frame ${frame}`, width - 30, 114);
  brush.fillText(now.toISOString().slice(0, 10), width - 30, 144);
}
