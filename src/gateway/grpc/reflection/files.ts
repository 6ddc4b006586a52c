/** The `.proto` files that are served, as descriptors: found by name, or by what they define. Pure. */
import { inflateRawSync } from 'node:zlib';
import { bytesOf, type FieldValue, readFields, textOf } from '../../upstream/oip/wire-format.ts';
import { DESCRIPTORS } from './descriptors.ts';

interface File {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly imports: readonly string[];
  /** Full names: messages, enums, services, methods. */
  readonly symbols: readonly string[];
  readonly services: readonly string[];
}

/** Fields of FileDescriptorProto, DescriptorProto and ServiceDescriptorProto (google/protobuf/descriptor.proto). */
const FILE = { name: 1, package: 2, dependency: 3, message: 4, enum: 5, service: 6 } as const;
const NESTED = { name: 1, type: 3, enum: 4 } as const;
const METHOD = 2;

const nameOf = (descriptor: FieldValue): string => {
  let name = '';
  readFields(bytesOf(descriptor), (no, value) => {
    if (no === NESTED.name) name = textOf(value);
  });
  return name;
};

function typesOf(descriptor: FieldValue, within: string): readonly string[] {
  const own = `${within}.${nameOf(descriptor)}`;
  const names = [own];
  readFields(bytesOf(descriptor), (no, value) => {
    if (no === NESTED.type) names.push(...typesOf(value, own));
    else if (no === NESTED.enum) names.push(`${own}.${nameOf(value)}`);
  });
  return names;
}

function fileOf(bytes: Uint8Array): File {
  let [name, within] = ['', ''];
  const [imports, symbols, services]: string[][] = [[], [], []];
  readFields(bytes, (no, value) => {
    if (no === FILE.name) name = textOf(value);
    else if (no === FILE.package) within = textOf(value);
    else if (no === FILE.dependency) imports?.push(textOf(value));
    else if (no === FILE.message) symbols?.push(...typesOf(value, within));
    else if (no === FILE.enum) symbols?.push(`${within}.${nameOf(value)}`);
    else if (no === FILE.service) {
      const service = `${within}.${nameOf(value)}`;
      services?.push(service);
      symbols?.push(service);
      readFields(bytesOf(value), (at, method) => {
        if (at === METHOD) symbols?.push(`${service}.${nameOf(method)}`);
      });
    }
  });
  return { name, bytes, imports: imports ?? [], symbols: symbols ?? [], services: services ?? [] };
}

export class ServedFiles {
  readonly #byName = new Map<string, File>();
  readonly #bySymbol = new Map<string, File>();

  /** @param bare ModelStreamInfer answers as MLServer's does */
  constructor(bare: boolean) {
    readFields(inflateRawSync(Buffer.from(DESCRIPTORS, 'base64')), (no, value) => {
      if (no === 2 && !bare) return;
      const file = fileOf(bytesOf(value));
      this.#byName.set(file.name, file);
    });
    for (const file of this.#byName.values()) for (const symbol of file.symbols) this.#bySymbol.set(symbol, file);
  }

  /** Full names, in order. */
  get services(): readonly string[] {
    return [...this.#byName.values()].flatMap(({ services }) => services).sort();
  }

  /** The file and all that it needs, itself first; undefined: there is none. */
  named(name: string): readonly Uint8Array[] | undefined {
    const file = this.#byName.get(name);
    return file && this.#withImports(file);
  }

  /** The same by what it defines, e.g. `inference.GRPCInferenceService`. */
  defining(symbol: string): readonly Uint8Array[] | undefined {
    const file = this.#bySymbol.get(symbol);
    return file && this.#withImports(file);
  }

  #withImports(file: File): readonly Uint8Array[] {
    const all = new Set([file]);
    for (const each of all)
      for (const name of each.imports) {
        const imported = this.#byName.get(name);
        if (imported) all.add(imported);
      }
    return [...all].map(({ bytes }) => bytes);
  }
}
