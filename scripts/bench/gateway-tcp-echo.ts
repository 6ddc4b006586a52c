/** Sockets alone: gives back each so many bytes once all of them have come. Prints its port, then serves until it is ended. */
import { createServer } from 'node:net';

const length = Number(process.argv[2]);
const server = createServer((socket) => {
  let [parts, got]: [Buffer[], number] = [[], 0];
  socket.setNoDelay(true);
  socket.on('data', (part) => {
    parts.push(part);
    got += part.length;
    if (got < length) return;
    socket.write(Buffer.concat(parts));
    [parts, got] = [[], 0];
  });
  socket.on('error', () => {});
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as { port: number }).port}\n`));
