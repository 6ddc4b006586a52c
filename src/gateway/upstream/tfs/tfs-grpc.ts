/** A predictor that is TensorFlow Serving, over gRPC: PredictionService and ModelService. */
import type { GrpcConnectionOptions } from '../../../wire/grpc-connection.ts';
import { Failure } from '../../failure.ts';
import type {
  Call,
  InferRequest,
  InferResponse,
  ModelMetadata,
  Predictor,
  ServerMetadata,
} from '../../protocol/infer.ts';
import { documentAnswer, documentOf } from '../../tfs/document.ts';
import { DEFAULT_SIGNATURE } from '../../tfs/model-spec.ts';
import { decodePredicted, encodePredict } from '../../tfs/predict.ts';
import { decodeMetadata, encodeMetadataAsk, metadataOf } from '../../tfs/signatures.ts';
import { signatureNamed } from '../../tfs/signed.ts';
import { decodeStatus, encodeStatusAsk } from '../../tfs/status.ts';
import { UnaryGrpc } from '../unary-grpc.ts';

export interface TfsGrpcOptions extends GrpcConnectionOptions {
  /** Of requests that name none. */
  readonly signature: string;
  /** Bytes of one answer, and of one tensor of it. */
  readonly maxReplyBytes: number;
}

const PREDICTION = '/tensorflow.serving.PredictionService/';
const STATUS_PATH = '/tensorflow.serving.ModelService/GetModelStatus';
/** gRPC statuses that a server without this service gives, or one that is not there. */
const NOBODY = new Set([12, 14]);

export class TfsGrpc implements Predictor {
  readonly name: string;
  readonly #server: UnaryGrpc;
  readonly #signature: string;
  readonly #maxBytes: number;

  constructor({ signature, ...options }: TfsGrpcOptions) {
    this.#server = new UnaryGrpc(options);
    this.name = this.#server.name;
    this.#signature = signature;
    this.#maxBytes = options.maxReplyBytes;
  }

  async infer(request: InferRequest, call: Call): Promise<InferResponse> {
    const document = documentOf(request);
    if (document) {
      const path = PREDICTION + document.method;
      return this.#server.ask(path, [document.message], call, (body) => documentAnswer(request, body));
    }
    const parts = encodePredict(request, shortened(signatureNamed(request) ?? this.#signature));
    return this.#server.ask(`${PREDICTION}Predict`, parts, call, (body) =>
      this.#read(() => decodePredicted(body, request, this.#maxBytes)),
    );
  }

  // biome-ignore lint/correctness/useYield: it has nothing to give
  async *stream(): AsyncGenerator<readonly InferResponse[], void, undefined> {
    throw new Failure(501, `${this.name} is TensorFlow Serving, which has no streams`);
  }

  /** No method is for it: whoever answers lives, were it only that no model is named. */
  async live(call: Call): Promise<boolean> {
    try {
      await this.#server.ask(STATUS_PATH, [], call, () => true);
    } catch (error) {
      if (!(error instanceof Failure) || !isAnswer(error)) throw error;
    }
    return true;
  }

  ready(call: Call): Promise<boolean> {
    return this.live(call);
  }

  modelReady(model: string, version: string, call: Call): Promise<boolean> {
    const asked = encodeStatusAsk({ model, version, signature: '' });
    return this.#server.ask(STATUS_PATH, asked, call, (body) =>
      decodeStatus(body).some(({ state }) => state === 'AVAILABLE'),
    );
  }

  async metadata(): Promise<ServerMetadata> {
    return { name: 'tensorflow-serving', version: '', extensions: [] };
  }

  modelMetadata(model: string, version: string, call: Call): Promise<ModelMetadata> {
    const asked = encodeMetadataAsk({ model, version, signature: '' });
    return this.#server.ask(`${PREDICTION}GetModelMetadata`, asked, call, (body) => {
      const { model: name, ...rest } = decodeMetadata(body);
      return metadataOf({ ...rest, model: name || model }, this.#signature);
    });
  }

  close(): void {
    this.#server.close();
  }

  /** What is wrong is wrong with the answer: 502, but for what we cannot do: 501. */
  #read<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof Failure) || error.status >= 500) throw error;
      throw new Failure(502, `${this.name} sent what cannot be read: ${error.message}`, { cause: error });
    }
  }
}

/** The server knows its own default without a word. */
const shortened = (signature: string): string => (signature === DEFAULT_SIGNATURE ? '' : signature);

/** A status that the server itself gave, and not one that says that it is missing. */
const isAnswer = ({ cause, grpc }: Failure): boolean => cause === undefined && !NOBODY.has(grpc);
