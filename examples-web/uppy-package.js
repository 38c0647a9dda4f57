// The one place that says where Uppy is: what npm installed beside this file, as it came.
export * from "./node_modules/uppy/dist/uppy.min.mjs";
