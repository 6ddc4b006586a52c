/** Our proto files against the wire: with the originals, where the references lie beside the project, and our decoder. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { FIELD } from '../../../src/launch/start/ray/gcs.ts';
import { decodeMessage } from '../../../src/wire/protobuf.ts';

const OURS = join(import.meta.dirname, '../../../proto');
const REFERENCES = join(import.meta.dirname, '../../../../shared/protos');
const parse = (...files: string[]) => {
  const root = new protobuf.Root();
  for (const file of files) protobuf.parse(readFileSync(file, 'utf8'), root, { keepCase: true });
  return root;
};

function messagesOf(at: protobuf.NamespaceBase): protobuf.Type[] {
  return at.nestedArray.flatMap((each) => [
    ...(each instanceof protobuf.Type ? [each] : []),
    ...(each instanceof protobuf.Namespace ? messagesOf(each) : []),
  ]);
}

/** A field as it is on the wire: an enum is an int32, a message is known by its last name. */
function wireType(field: protobuf.Field): string {
  const known = field.parent?.lookup(field.type);
  const scalar = field.type in protobuf.types.basic || field.type === 'bytes';
  const type = known instanceof protobuf.Enum || /\.?error\.Code$/.test(field.type) ? 'int32' : field.type;
  const name = scalar ? type : (type.split('.').at(-1) ?? '');
  return field instanceof protobuf.MapField
    ? `map<${field.keyType}, ${name}>`
    : `${field.repeated ? 'repeated ' : ''}${name}`;
}

const PAIRS = [
  { ours: 'ray_gcs.proto', reference: ['ray/2.40.0/gcs.proto', 'ray/2.40.0/gcs_service.proto'] },
  { ours: 'ray_gcs.proto', reference: ['ray/2.60.0/gcs.proto', 'ray/2.60.0/gcs_service.proto'] },
  { ours: 'oip_v2.proto', reference: ['kserve/grpc_predict_v2.proto'] },
  { ours: 'oip_v2.proto', reference: ['triton/grpc_service.proto'] },
  { ours: 'oip_v2.proto', reference: ['mlserver/dataplane.proto'] },
  {
    ours: 'tfs_status.proto',
    reference: ['get_model_status', 'model', 'model_service', 'status'].map(
      (n) => `tfs/tensorflow_serving/apis/${n}.proto`,
    ),
  },
  {
    ours: 'tfs_predict.proto',
    reference: ['predict', 'get_model_metadata', 'inference', 'classification', 'regression', 'prediction_service'].map(
      (n) => `tfs/tensorflow_serving/apis/${n}.proto`,
    ),
  },
  {
    ours: 'tfs_tensor.proto',
    reference: ['framework/tensor', 'framework/tensor_shape', 'framework/types', 'protobuf/meta_graph'].map(
      (n) => `tfs/tensorflow/core/${n}.proto`,
    ),
  },
];
/** `Nothing`: our name for requests that stay empty. NodeDeathInfo: Ray has it in common.proto, which is not among the
 * references; test/process/ray.test.ts reads one from a real Ray. */
const UNREFERENCED = new Set(['Nothing', 'NodeDeathInfo']);

describe.each(PAIRS)('$ours against $reference', ({ ours, reference }) => {
  test('has the same field numbers and types', (ctx) => {
    if (!existsSync(REFERENCES)) return ctx.skip('no reference protos beside the project (../shared/protos)');
    const theirs = parse(...reference.map((file) => join(REFERENCES, file)));
    const messages = messagesOf(parse(join(OURS, ours))).filter(({ name }) => !UNREFERENCED.has(name));
    expect(messages.length).toBeGreaterThan(0);
    for (const message of messages) {
      const original = theirs.lookupType(message.fullName);
      for (const field of message.fieldsArray) {
        const twin = original.fields[field.name];
        expect(twin && `${message.name}.${field.name} = ${twin.id} ${wireType(twin)}`).toBe(
          `${message.name}.${field.name} = ${field.id} ${wireType(field)}`,
        );
      }
    }
  });

  test('has the same methods and enum values', (ctx) => {
    if (!existsSync(REFERENCES)) return ctx.skip('no reference protos beside the project (../shared/protos)');
    const theirs = parse(...reference.map((file) => join(REFERENCES, file)));
    const walk = (at: protobuf.NamespaceBase): void => {
      for (const each of at.nestedArray) {
        if (each instanceof protobuf.Enum) expect(theirs.lookupEnum(each.fullName).values).toMatchObject(each.values);
        if (each instanceof protobuf.Service) {
          const known = theirs.lookupService(each.fullName).methods;
          for (const name of Object.keys(each.methods)) expect(Object.keys(known)).toContain(name);
        }
        if (each instanceof protobuf.Namespace) walk(each);
      }
    };
    walk(parse(join(OURS, ours)));
  });
});

describe('our decoder and proto/ray_gcs.proto', () => {
  const root = parse(join(OURS, 'ray_gcs.proto'));
  const id = (message: string, field: string) => root.lookupType(`ray.rpc.${message}`).fields[field]?.id;

  test('agree on every number', () => {
    expect(FIELD).toEqual({
      version: id('CheckAliveReply', 'ray_version'),
      nodes: id('GetAllNodeInfoReply', 'node_info_list'),
      id: id('GcsNodeInfo', 'node_id'),
      address: id('GcsNodeInfo', 'node_manager_address'),
      managerPort: id('GcsNodeInfo', 'node_manager_port'),
      state: id('GcsNodeInfo', 'state'),
      hostname: id('GcsNodeInfo', 'node_manager_hostname'),
      resources: id('GcsNodeInfo', 'resources_total'),
      name: id('GcsNodeInfo', 'node_name'),
      isHead: id('GcsNodeInfo', 'is_head_node'),
      death: id('GcsNodeInfo', 'death_info'),
      deathReason: id('NodeDeathInfo', 'reason'),
      deathMessage: id('NodeDeathInfo', 'reason_message'),
    });
  });

  test('agree on a whole reply', () => {
    const Reply = root.lookupType('ray.rpc.GetAllNodeInfoReply');
    const bytes = Reply.encode(
      Reply.fromObject({
        node_info_list: [{ node_id: Buffer.from('ab', 'hex'), node_name: 'n', resources_total: { GPU: 2 }, state: 1 }],
      }),
    ).finish();
    const [node] = decodeMessage(bytes).messages(FIELD.nodes);
    expect(node?.string(FIELD.name)).toBe('n');
    expect(node?.int(FIELD.state)).toBe(1);
    expect(node?.messages(FIELD.resources).map((entry) => [entry.string(1), entry.double(2)])).toEqual([['GPU', 2]]);
  });
});
