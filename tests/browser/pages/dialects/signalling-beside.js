// Pages side by side: those whose addresses are asked for.

for (const address of new URLSearchParams(location.search).getAll("show")) {
  document.querySelector(".beside").append(Object.assign(document.createElement("iframe"), { src: address }));
}
