// Socket.IO as its documentation sets it up, WebSocket only: one room for all, and one of them publishes to the others.
import { createServer } from "node:http";
import { Server } from "socket.io";

const server = createServer();
const io = new Server(server, { transports: ["websocket"], serveClient: false });
io.on("connection", (socket) => {
  socket.on("publish", (text) => {
    socket.to("room").emit("event", text);
  });
  socket.join("room");
  socket.emit("joined");
});
server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
