// A broadcaster as the format's own documentation has it, step by step.

import { note, orderId, url, videoElement } from "./signalling-page.js";

const peerConnectionsRef = { current: new Map() };
window.peers = peerConnectionsRef.current;

// Get camera/microphone access
const mediaStream = await navigator.mediaDevices.getUserMedia({
  video: { facingMode: 'environment', width: 1280, height: 720 },
  audio: { echoCancellation: true, noiseSuppression: true }
});
videoElement.srcObject = mediaStream;

const websocket = new WebSocket(url);
window.websocket = websocket;

websocket.onopen = () => {
  websocket.send(JSON.stringify({
    type: 'broadcaster-ready',
    streamId: orderId  // e.g., "9c23f06d-2f69-46d6-8a81-3057e5d90a32"
  }));
};

websocket.onmessage = async (event) => {
  const message = JSON.parse(event.data);
  note(message);
  const { type, viewerId, answer, candidate } = message;

  if (type === 'viewer-joined') {
    // Create RTCPeerConnection for viewer "client_2"
    const pc = new RTCPeerConnection({
      iceServers: [{ urls: 'stun:stun.l.google.com:19302' }]
    });

    // Add broadcaster's video/audio tracks
    mediaStream.getTracks().forEach(track => {
      pc.addTrack(track, mediaStream);
    });

    // Store: viewerId -> peer connection
    peerConnectionsRef.current.set(viewerId, pc);

    pc.onicecandidate = (event) => {
      if (event.candidate) {
        websocket.send(JSON.stringify({
          type: 'webrtc-ice-candidate',
          candidate: event.candidate,
          streamId: orderId,
          viewerId: viewerId  // For specific viewer
        }));
      }
    };

    // Create offer
    const offer = await pc.createOffer();
    await pc.setLocalDescription(offer);

    // Send offer to backend
    websocket.send(JSON.stringify({
      type: 'webrtc-offer',
      offer: offer,
      streamId: orderId,
      viewerId: viewerId  // Target this specific viewer
    }));
  }

  if (type === 'webrtc-answer') {
    // Broadcaster finds the correct peer connection
    const pc = peerConnectionsRef.current.get(viewerId);

    // Complete the connection
    await pc.setRemoteDescription(new RTCSessionDescription(answer));
  }

  if (type === 'webrtc-ice-candidate') {
    const pc = peerConnectionsRef.current.get(viewerId);
    await pc.addIceCandidate(new RTCIceCandidate(candidate));
  }
};
