// The camera and the microphone, and why there is none.

/** Why there is no picture, by the name of the browser's exception. */
const REASONS = {
  NotAllowedError: "The browser keeps this page away from the camera. Allow it in the address bar, then try again.",
  NotFoundError: "There is no camera. Connect one, then try again; or go without.",
  NotReadableError: "Something else uses the camera. Close that, then try again.",
  OverconstrainedError: "This camera is no longer there. Choose another one.",
};

/** Whether this page can ask for a camera at all: a browser lets only secure pages do so. */
export const hasCameras = () => Boolean(navigator.mediaDevices?.getUserMedia);

/** What stands in the way of the camera, in words; undefined for what is not known here. */
export const whyNoCamera = (error) => REASONS[error?.name];

/** Asks for picture and sound; `camera` is a device of `cameras()`. A picture without sound is better than none. */
export async function openCamera({ camera, facing } = {}) {
  const which = camera ? { deviceId: { exact: camera } } : facing ? { facingMode: facing } : {};
  const video = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 }, ...which };
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio: true });
  } catch (error) {
    if (error.name !== "NotFoundError") throw error;
    return navigator.mediaDevices.getUserMedia({ video });
  }
}

/** The cameras that there are: `[{ id, name }]`. Their names are known once one of them was allowed. */
export async function cameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind }) => kind === "videoinput").map(({ deviceId, label }, at) => ({ id: deviceId, name: label || `Camera ${at + 1}` }));
}
