// What there is to see: each scene is painted with a brush from portal-art.js, on a sheet of 1600 by 900.

/** In the order of the items. */
export const SCENES = [harbour, ridges, skyline, dunes, firs, aurora];

function harbour(brush) {
  brush.sky("#1d3d5c", "#4f6f8f", "#e8a27c", "#ffd9a0");
  brush.light(1060, 540, 74, "#fff0c9", "#ffd08a");
  brush.ground(brush.hills(540, 34, 4, 1300), "#33506b");
  const sea = brush.gradient([[0, "#e9a884"], [0.18, "#6f7f94"], [1, "#152c45"]]);
  brush.add("rect", { y: 580, width: 1600, height: 320, fill: sea });
  for (let at = 0; at < 70; at += 1) {
    const y = 588 + brush.between(0, 1) ** 1.6 * 300;
    const near = (y - 580) / 320;
    const spread = 60 + near * 330;
    const length = 20 + near * 150;
    const x = 1060 + brush.between(-spread, spread) - length / 2;
    brush.add("rect", { x, y, width: length, height: 2 + near * 6, rx: 3, fill: "#ffe3b3", opacity: 0.75 - near * 0.45 });
  }
  for (const [x, y, size] of [[420, 640, 1.5], [700, 602, 0.7], [1330, 620, 1]]) boat(brush, x, y, size);
}

function boat(brush, x, y, size) {
  const at = (dx, dy) => `${x + dx * size} ${y + dy * size}`;
  brush.add("path", { d: `M${at(-46, 0)}L${at(50, 0)}L${at(34, 20)}L${at(-32, 20)}Z`, fill: "#10263b" });
  brush.add("path", { d: `M${at(0, -6)}L${at(0, -120)}L${at(44, -6)}Z`, fill: "#fbe9cf" });
  brush.add("path", { d: `M${at(-6, -6)}L${at(-6, -98)}L${at(-38, -6)}Z`, fill: "#e7c49c" });
}

function ridges(brush) {
  brush.sky("#31517d", "#7fa3c4", "#f3d7c2", "#fbe8d2");
  brush.light(905, 250, 62, "#fff6df", "#ffe2b4");
  const colors = ["#9fb4cb", "#7893b3", "#526f93", "#2f4c70", "#17304f"];
  colors.forEach((color, at) => {
    const line = brush.hills(430 + at * 88, 120 - at * 14, 5, 760 - at * 60);
    // Peaks are sharper than waves.
    brush.ground((x) => line(x) - Math.abs(Math.sin(x / (61 + at * 9) + at)) * (46 - at * 6), color, 16);
    if (at === 4) for (let x = 20; x < 1600; x += brush.between(26, 64)) brush.fir(x, line(x) + 18, brush.between(50, 105), "#0d2138");
  });
}

function skyline(brush) {
  brush.sky("#161a3d", "#43326b", "#b1567a", "#f4a76f");
  brush.stars(90, 360);
  brush.light(1230, 210, 56, "#fdf3d8", "#f2d7b0");
  for (const [height, low, color, lit] of [[300, 90, "#5b3a68", 0.12], [370, 110, "#3b2856", 0.22], [300, 120, "#1d1738", 0.36]]) {
    for (let x = -20; x < 1600; ) {
      const width = brush.between(60, 130);
      const top = 900 - brush.between(low, height) - (color === "#3b2856" ? 60 : color === "#5b3a68" ? 190 : 0);
      brush.add("rect", { x, y: top, width, height: 900 - top, fill: color });
      if (brush.between(0, 1) < 0.3) brush.add("rect", { x: x + width / 2 - 2, y: top - 46, width: 4, height: 46, fill: color });
      windows(brush, x, top, width, lit);
      x += width + brush.between(-4, 10);
    }
  }
}

function windows(brush, x, top, width, lit) {
  for (let y = top + 16; y < 880; y += 26) {
    for (let across = x + 12; across < x + width - 16; across += 20) {
      if (brush.between(0, 1) < lit) brush.add("rect", { x: across, y, width: 9, height: 13, fill: "#ffd58a", opacity: brush.between(0.5, 1) });
    }
  }
}

function dunes(brush) {
  brush.sky("#2e6f86", "#8fc0b9", "#f6e3b4");
  brush.light(1010, 300, 96, "#fff7d6", "#ffe9a8");
  ["#e2b777", "#cf9355", "#b0703c", "#7d4a2b"].forEach((color, at) => {
    const line = brush.hills(500 + at * 105, 62, 3, 1500 - at * 130);
    if (at === 0) caravan(brush, line);
    brush.ground(line, color);
    // The side that the wind piles up lies in the shade.
    brush.ground((x) => line(x) + 22 + Math.abs(Math.sin(x / 420 + at * 1.7)) * 120, shade(brush));
  });
}

function caravan(brush, line) {
  for (let x = 452; x < 700; x += 52) {
    const d = `M${x} ${line(x + 12) - 16}q10 -26 20 0M${x + 20} ${line(x + 12) - 16}q6 -18 13 -25l9 2M${x + 4} ${line(x + 12) - 16}v20M${x + 17} ${line(x + 12) - 16}v20`;
    brush.add("path", { d, fill: "#5f3c24", stroke: "#5f3c24", "stroke-width": 4 });
  }
}

function shade(brush) {
  return brush.gradient([[0, "#3d1f10", 0.2], [1, "#3d1f10", 0]]);
}

function firs(brush) {
  brush.sky("#c9ded6", "#e9f0e3", "#f7f0dc");
  brush.light(600, 280, 70, "#fffbe8", "#fff1c4");
  ["#b3cdc2", "#86ad9f", "#568675", "#2e5f51", "#143a32"].forEach((color, at) => {
    const line = brush.hills(500 + at * 92, 46, 3, 1200);
    const size = 90 + at * 46;
    for (let x = -20; x < 1640; x += brush.between(size * 0.22, size * 0.5)) brush.fir(x, line(x) + 20, size * brush.between(0.65, 1.25), color);
    brush.ground(line, color);
    if (at < 4) brush.add("rect", { y: 420 + at * 92, width: 1600, height: 260, fill: brush.gradient([[0, "#f4f5e6", 0], [0.6, "#f4f5e6", 0.34], [1, "#f4f5e6", 0]]) });
  });
}

function aurora(brush) {
  brush.sky("#050b1d", "#0b2036", "#16445a");
  brush.stars(220, 640);
  ["#5ff0b4", "#38c7c0", "#7a8bf0"].forEach((color, at) => {
    const line = brush.hills(330 + at * 46, 74, 3, 1100);
    for (let x = -10; x < 1610; x += 16) {
      const tall = 190 + Math.sin(x / 97 + at * 2) * 70 + brush.between(-34, 34);
      const curtain = (brush.curtains ??= {})[color] ?? (brush.curtains[color] = brush.gradient([[0, color, 0], [0.75, color, 0.3], [1, color, 0]]));
      brush.add("rect", { x, y: line(x) - tall, width: 16.5, height: tall + 70, fill: curtain });
    }
  });
  brush.ground(brush.hills(690, 70, 5, 820), "#12303f", 14);
  const snow = brush.hills(770, 34, 3, 1200);
  brush.ground(snow, brush.gradient([[0, "#5f8ea3"], [1, "#20475c"]]));
  for (const [x, size] of [[260, 120], [330, 88], [1210, 140], [1290, 96], [1385, 118]]) brush.fir(x, snow(x) + 12, size, "#0a1c28");
  brush.add("path", { d: `M760 ${snow(790) + 10}v-34l34 -30l34 30v34z`, fill: "#0d222f" });
  brush.add("rect", { x: 785, y: snow(790) - 18, width: 16, height: 16, fill: "#ffcf7a" });
}
