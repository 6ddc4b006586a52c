/** grpc-js that reads a message and gives it back, as bytes. Prints its port, then serves until it is ended. */
import { Server, ServerCredentials } from '@grpc/grpc-js';

const bytes = (message: Buffer) => message;
const ModelInfer = {
  path: '/inference.GRPCInferenceService/ModelInfer',
  requestStream: false,
  responseStream: false,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
};
const server = new Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 });
server.addService(
  { ModelInfer },
  {
    ModelInfer: (call: { request: Buffer }, done: (error: null, message: Buffer) => void) => done(null, call.request),
  },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`);
});
