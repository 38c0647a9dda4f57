// A worker that beats: while a page is in the background its own timers slow down, and a picture drawn by them would stand still.

let beating;

self.addEventListener("message", ({ data: rate }) => {
  clearInterval(beating);
  if (rate > 0) beating = setInterval(() => self.postMessage(null), 1000 / rate);
});
