// A viewer as the format's own documentation has it, step by step.

import { note, orderId, url, videoElement } from "./signalling-page.js";

const peerRef = { current: null };
const viewerIdRef = { current: null };
window.viewer = viewerIdRef;

// Viewer connects WebSocket and joins stream
const websocket = new WebSocket(url);
window.websocket = websocket;

websocket.onopen = () => {
  websocket.send(JSON.stringify({
    type: 'join-stream',
    streamId: orderId  // Same orderId as broadcaster
  }));
};

websocket.onmessage = async (event) => {
  const message = JSON.parse(event.data);
  note(message);
  const { type, viewerId, offer, candidate } = message;

  if (type === 'webrtc-offer') {
    // Viewer stores their ID
    viewerIdRef.current = viewerId;

    // Viewer creates peer connection
    const pc = new RTCPeerConnection({
      iceServers: [{ urls: 'stun:stun.l.google.com:19302' }]
    });
    peerRef.current = pc;

    // Viewer sets up to receive video tracks
    pc.ontrack = (event) => {
      videoElement.srcObject = event.streams[0];  // Display video!
    };

    pc.onicecandidate = (event) => {
      if (event.candidate) {
        websocket.send(JSON.stringify({
          type: 'webrtc-ice-candidate',
          candidate: event.candidate,
          streamId: orderId,
          viewerId: viewerIdRef.current
        }));
      }
    };

    // Set remote description (broadcaster's offer)
    await pc.setRemoteDescription(new RTCSessionDescription(offer));

    // Create answer
    const answer = await pc.createAnswer();
    await pc.setLocalDescription(answer);

    // Send answer back
    websocket.send(JSON.stringify({
      type: 'webrtc-answer',
      answer: answer,
      streamId: orderId,
      viewerId: viewerIdRef.current  // Include viewer ID
    }));
  }

  if (type === 'webrtc-ice-candidate') {
    const pc = peerRef.current;
    await pc.addIceCandidate(new RTCIceCandidate(candidate));
  }
};
