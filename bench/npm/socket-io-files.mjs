// A gateway of Socket.IO that tells how files are coming along, as its documentation sets it up: a room for each file, WebSocket only.
import { createServer } from "node:http";
import { Server } from "socket.io";

const server = createServer();
const files = new Server(server, { transports: ["websocket"], serveClient: false }).of("/file-processing");
files.on("connection", (socket) => {
  socket.on("subscribe:file", ({ fileId }) => {
    socket.join(`file:${fileId}`);
    socket.emit("subscribed", { fileId });
  });
  socket.on("publish", (update) => {
    files.to(`file:${update.fileId}`).emit("processing:progress", update);
  });
});
server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
