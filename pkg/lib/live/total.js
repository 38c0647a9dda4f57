/** What goes out to all viewers together, and the summary of the one that gets the best. */
export function totalOf(seats) {
  const connected = seats.filter(({ shown }) => shown.state === "connected" && shown.stats);
  const best = connected.reduce((best, seat) => (better(seat.shown.stats, best?.shown.stats) ? seat : best), undefined);
  const { fps, width, height, limited_by } = best?.shown.stats ?? {};
  const bitrate = connected.reduce((sum, { shown }) => sum + (shown.stats.bitrate ?? 0), 0);
  return { stats: { bitrate, connected: connected.length, fps, width, height, limited_by }, summary: best?.summary };
}

function better(one, other) {
  if (!other) return true;
  const size = ({ width = 0, height = 0 }) => width * height;
  return (size(one) - size(other) || (one.bitrate ?? 0) - (other.bitrate ?? 0)) > 0;
}
