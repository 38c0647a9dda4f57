/** A function for each path: `api.files.list(params, options)`. */
export function apiOf(call, path) {
  return new Proxy(() => {}, {
    // A promise asks whatever it is given for `then`.
    get: (_, name) => (typeof name === "string" && name !== "then" ? apiOf(call, path ? `${path}/${name}` : name) : undefined),
    apply: (_, __, [params, options]) => call(path, params, options),
  });
}
