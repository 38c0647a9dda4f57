// Two pages beside each other: what the address names as `old` and `new`.

const query = new URLSearchParams(location.search);
for (const name of ["old", "new"]) {
  const frame = document.createElement("iframe");
  frame.name = name;
  frame.src = query.get(name);
  document.body.append(frame);
}
