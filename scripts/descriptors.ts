/**
 * `node scripts/descriptors.ts`: the `.proto` files that gRPC clients of the gateway may ask for, as descriptors
 * (google/protobuf/descriptor.proto), packed into src/gateway/grpc/reflection/descriptors.ts. A test compares them.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import protobuf from 'protobufjs';
import { ProtoWriter } from '../src/gateway/upstream/oip/wire-format.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const DESCRIPTORS_FILE = join(root, 'src/gateway/grpc/reflection/descriptors.ts');

/** Each behind those that it imports. */
const FILES = ['health', 'reflection', 'oip_infer', 'tfs_status', 'tfs_tensor', 'tfs_predict'];
const COMMON = ['google/protobuf/any.proto', 'google/protobuf/wrappers.proto'];

/** Numbers of FieldDescriptorProto.Type. */
const TYPES: Readonly<Record<string, number>> = {
  double: 1, float: 2, int64: 3, uint64: 4, int32: 5, bool: 8, string: 9, bytes: 12, uint32: 13,
}; // biome-ignore format: a table
const MESSAGE = 11;
const ENUM = 14;
const REPEATED = 3;

interface Source {
  readonly name: string;
  readonly root: protobuf.Root;
  readonly package: string;
  readonly imports: readonly string[];
}

/** One file, and for its types those that it imports. */
function parsed(name: string, text: string): Source {
  const at = new protobuf.Root();
  const { package: own = '', imports = [] } = protobuf.parse(text, at, { keepCase: true });
  return { name, root: at, package: own ?? '', imports: imports ?? [] };
}

/** What protobufjs has of Google's own. */
function common(name: string): Source {
  const at = new protobuf.Root();
  at.addJSON(protobuf.common.get(name)?.nested ?? {});
  return { name, root: at, package: 'google.protobuf', imports: [] };
}

/** Full names of all types, with what they are. */
function kindsOf(sources: readonly Source[]): ReadonlyMap<string, number> {
  const kinds = new Map<string, number>();
  const walk = (at: protobuf.NamespaceBase): void => {
    for (const each of at.nestedArray) {
      if (each instanceof protobuf.Type) kinds.set(each.fullName, MESSAGE);
      if (each instanceof protobuf.Enum) kinds.set(each.fullName, ENUM);
      if (each instanceof protobuf.Namespace) walk(each);
    }
  };
  for (const source of sources) walk(source.root);
  return kinds;
}

/** From where it is named outwards, as protoc looks. */
function fullName(kinds: ReadonlyMap<string, number>, from: protobuf.ReflectionObject, name: string): string {
  for (let at: protobuf.ReflectionObject | null = from; at; at = at.parent) {
    const full = `${at.fullName.replace(/^\.?$/, '')}.${name}`;
    if (kinds.has(full)) return full;
  }
  throw new Error(`${name} in ${from.fullName} is in none of the files`);
}

function writeFile(source: Source, kinds: ReadonlyMap<string, number>): Buffer {
  const within = source.root.lookup(source.package) as protobuf.NamespaceBase;
  const to = new ProtoWriter().text(1, source.name).text(2, source.package);
  for (const each of source.imports) to.text(3, each);
  for (const each of within.nestedArray) {
    if (each instanceof protobuf.Type) to.message(4, (type) => writeType(type, each, kinds));
    if (each instanceof protobuf.Enum) to.message(5, (type) => writeEnum(type, each));
    if (each instanceof protobuf.Service) to.message(6, (service) => writeService(service, each, kinds));
  }
  return Buffer.concat(to.text(12, 'proto3').parts());
}

function writeType(to: ProtoWriter, type: protobuf.Type, kinds: ReadonlyMap<string, number>): void {
  to.text(1, type.name);
  for (const field of type.fieldsArray) to.message(2, (of) => writeField(of, field, kinds));
  for (const field of type.fieldsArray)
    if (field instanceof protobuf.MapField) to.message(3, (entry) => writeEntry(entry, field, kinds));
  for (const each of type.nestedArray) {
    if (each instanceof protobuf.Type) to.message(3, (nested) => writeType(nested, each, kinds));
    if (each instanceof protobuf.Enum) to.message(4, (nested) => writeEnum(nested, each));
  }
  for (const { name } of type.oneofsArray) to.message(8, (oneof) => oneof.text(1, name));
}

/** `map<K, V> parameters` is a message `ParametersEntry`, repeated. */
const entryOf = ({ name }: protobuf.FieldBase): string =>
  `${name.replaceAll(/(?:^|_)([a-z])/g, (_, first: string) => first.toUpperCase())}Entry`;

function writeEntry(to: ProtoWriter, field: protobuf.MapField, kinds: ReadonlyMap<string, number>): void {
  to.text(1, entryOf(field));
  to.message(2, (key) =>
    key
      .text(1, 'key')
      .int64(3, 1)
      .int64(4, 1)
      .int64(5, TYPES[field.keyType] ?? 0),
  );
  to.message(2, (value) => writeKind(value.text(1, 'value').int64(3, 2).int64(4, 1), field, kinds));
  to.message(7, (options) => options.bool(7, true));
}

function writeField(to: ProtoWriter, field: protobuf.Field, kinds: ReadonlyMap<string, number>): void {
  const isMap = field instanceof protobuf.MapField;
  to.text(1, field.name).int64(3, field.id);
  to.int64(4, isMap || field.repeated ? REPEATED : 1);
  if (isMap) to.int64(5, MESSAGE).text(6, `${field.parent?.fullName}.${entryOf(field)}`);
  else writeKind(to, field, kinds);
  const jsonName = field.name.replaceAll(/_(.)/g, (_, next: string) => next.toUpperCase());
  if (jsonName !== field.name) to.text(10, jsonName); // protoc writes it always, and who prints JSON goes by it
  if (field.partOf) to.int64(9, (field.parent as protobuf.Type).oneofsArray.indexOf(field.partOf));
}

function writeKind(to: ProtoWriter, field: protobuf.FieldBase, kinds: ReadonlyMap<string, number>): void {
  const scalar = TYPES[field.type];
  if (scalar !== undefined) {
    to.int64(5, scalar);
    return;
  }
  const full = fullName(kinds, field.parent ?? field, field.type);
  to.int64(5, kinds.get(full) ?? 0).text(6, full);
}

function writeEnum(to: ProtoWriter, { name, values }: protobuf.Enum): void {
  to.text(1, name);
  for (const [each, number] of Object.entries(values)) to.message(2, (value) => value.text(1, each).int64(2, number));
}

function writeService(to: ProtoWriter, service: protobuf.Service, kinds: ReadonlyMap<string, number>): void {
  to.text(1, service.name);
  for (const each of service.methodsArray)
    to.message(2, (method) => {
      method.text(1, each.name);
      method.text(2, fullName(kinds, service, each.requestType)).text(3, fullName(kinds, service, each.responseType));
      if (each.requestStream) method.bool(5, true);
      if (each.responseStream) method.bool(6, true);
    });
}

/** All as a FileDescriptorSet; behind it, as field 2, ModelStreamInfer in MLServer's form. */
export function descriptors(): string {
  const texts = new Map(FILES.map((name) => [name, readFileSync(join(root, 'proto', `${name}.proto`), 'utf8')]));
  const ours = [...texts].map(([name, text]) => parsed(`${name}.proto`, text));
  const changed = (as: string, name: string, from: string, to: string) =>
    parsed(`${as}.proto`, (texts.get(name) ?? '').replace(from, to));
  const alpha = changed(
    'reflection_v1alpha',
    'reflection',
    'package grpc.reflection.v1;',
    'package grpc.reflection.v1alpha;',
  );
  const bare = changed('oip_infer', 'oip_infer', '(stream ModelStreamInferResponse)', '(stream ModelInferResponse)');
  const sources = [...COMMON.map(common), ...ours, alpha];
  const kinds = kindsOf(sources);
  const to = new ProtoWriter();
  for (const each of sources) to.bytes(1, writeFile(each, kinds));
  to.bytes(2, writeFile(bare, kinds));
  return deflateRawSync(Buffer.concat(to.parts()), { level: 9 }).toString('base64');
}

/** The module, as it is to be. */
export const descriptorsModule = (): string =>
  `/** Made by \`node scripts/descriptors.ts\` of proto/. */\nexport const DESCRIPTORS =\n  '${descriptors()}';\n`;

if (import.meta.main) writeFileSync(DESCRIPTORS_FILE, descriptorsModule());
