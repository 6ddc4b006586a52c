/** The thread's side of what a hook asks of the gateway. */
import type { Answered, Ask, Said } from './messages.ts';

/** What the gateway answered in place of a result. */
export class AskFailed extends Error {
  /** Of HTTP. */
  readonly status: number;

  constructor({ status, message }: { readonly status: number; readonly message: string }) {
    super(message);
    this.status = status;
  }
}

type Say = (said: Said, transfer?: ArrayBuffer[]) => void;
type Value = Answered['value'];

/** @throws AskFailed */
export type AskGateway = (ask: Ask, transfer?: ArrayBuffer[]) => Promise<Value>;

export class Asks {
  readonly #say: Say;
  readonly #open = new Map<number, PromiseWithResolvers<Value>>();
  #last = 0;
  #job = 0;

  constructor(say: Say) {
    this.#say = say;
  }

  /** For the hook that begins now. What it leaves open at its end stays so, for nobody is there to hear of it. */
  open(): AskGateway {
    this.#job += 1;
    const job = this.#job;
    return (ask, transfer) => {
      const waiting = Promise.withResolvers<Value>();
      if (job !== this.#job) return waiting.promise;
      this.#last += 1;
      this.#say({ what: 'asks', number: this.#last, ask }, transfer);
      this.#open.set(this.#last, waiting);
      return waiting.promise;
    };
  }

  /** An answer that nobody waits for any more is dropped. */
  answered({ answers, value, failed }: Answered): void {
    const waiting = this.#open.get(answers);
    this.#open.delete(answers);
    if (failed) waiting?.reject(new AskFailed(failed));
    else waiting?.resolve(value);
  }

  close(): void {
    this.#job += 1;
    this.#open.clear();
  }
}
