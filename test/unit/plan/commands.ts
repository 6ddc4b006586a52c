/**
 * Input → resulting commands, for every runtime that ships, head and worker. The README prints this table; the test
 * beside it proves it. `<…>` is what only the rally can say.
 */
import type { Env } from '../../../src/launch/args/settings.ts';
import { FILLED, KSERVE, type Member } from './fixture.ts';

export interface Line {
  readonly who: string;
  readonly env: Env;
  /** What the user types; the runtime is its second word. */
  readonly typed: string;
  /** What runs on this member, one line a program, as --explain prints it. */
  readonly runs: readonly string[];
  /** What was seen on the machine. */
  readonly facts?: Member['facts'];
}

const pick = (env: Env, ...names: string[]): Env => Object.fromEntries(names.map((name) => [name, env[name]]));
const lws = (index: number): Env => ({
  LWS_LEADER_ADDRESS: 'llm-0.llm',
  LWS_GROUP_SIZE: '2',
  LWS_WORKER_INDEX: `${index}`,
});
const mounted = { modelDirectory: FILLED };
const shown = ['MODEL_DIR', 'MODEL_NAME', 'RAY_NODE_COUNT', 'POD_NAME', 'POD_IP'];

export const COMMANDS: readonly Line[] = [
  {
    who: 'vllm, alone',
    env: { MODEL_ID: 'Qwen/Qwen3-8B' },
    typed: 'launch vllm -- --max-model-len=4096',
    runs: ['vllm serve Qwen/Qwen3-8B --served-model-name=Qwen3-8B --port=8000 --max-model-len=4096'],
  },
  {
    who: 'vllm, head of two',
    env: { MODEL_ID: 'Qwen/Qwen3-8B', ...lws(0) },
    typed: 'launch vllm -- --tensor-parallel-size=8 --pipeline-parallel-size=2',
    runs: [
      'vllm serve Qwen/Qwen3-8B --served-model-name=Qwen3-8B --port=8000 --nnodes=2 --node-rank=0 --master-addr=10.0.0.7 --master-port=29501 --tensor-parallel-size=8 --pipeline-parallel-size=2',
    ],
  },
  {
    who: 'vllm, worker of two',
    env: { MODEL_ID: 'Qwen/Qwen3-8B', ...lws(1) },
    typed: 'launch vllm -- --tensor-parallel-size=8 --pipeline-parallel-size=2',
    runs: [
      'vllm serve Qwen/Qwen3-8B --served-model-name=Qwen3-8B --nnodes=2 --node-rank=1 --master-addr=llm-0.llm --master-port=29501 --headless --tensor-parallel-size=8 --pipeline-parallel-size=2',
    ],
  },
  {
    who: 'vllm on Ray, head of two',
    env: { MODEL_ID: 'Qwen/Qwen3-8B', POD_NAME: 'llm-0', ...lws(0) },
    typed: 'launch vllm --engine=ray --devices-per-member=8 -- -tp 16',
    runs: [
      "ray start --head --port=6379 --node-ip-address=10.0.0.7 '--node-name=llm-0-<incarnation>' --disable-usage-stats --include-dashboard=false --num-gpus=8 --block",
      'vllm serve Qwen/Qwen3-8B --served-model-name=Qwen3-8B --port=8000 --distributed-executor-backend=ray -tp 16',
    ],
  },
  {
    who: 'vllm on Ray, worker of two',
    env: { MODEL_ID: 'Qwen/Qwen3-8B', POD_NAME: 'llm-0-1', ...lws(1) },
    typed: 'launch vllm --engine=ray --devices-per-member=8 -- -tp 16',
    runs: [
      "ray start --address=llm-0.llm:6379 --node-ip-address=10.0.0.7 '--node-name=llm-0-1-<incarnation>' --disable-usage-stats --num-gpus=8 --block",
    ],
  },
  {
    who: 'vllm, worker of KServe, told nothing',
    env: pick(KSERVE.worker, 'HEAD_SVC', 'RAY_NODE_COUNT', 'POD_NAMESPACE'),
    typed: 'launch vllm --',
    runs: [
      "vllm serve '<model of the head>' '--served-model-name=<its name>' --nnodes=2 '--node-rank=<rank>' --master-addr=qwen-head-1.team.svc --master-port=29501 --headless '<server args of the head>'",
    ],
  },
  {
    who: 'huggingfaceserver, alone',
    env: { MODEL_DIR: '/mnt/models', MODEL_NAME: 'qwen' },
    typed: 'launch huggingfaceserver --',
    facts: mounted,
    runs: ['python3 -m huggingfaceserver --model_dir=/mnt/models --model_name=qwen --http_port=8080'],
  },
  {
    who: 'huggingfaceserver, head of KServe',
    env: pick(KSERVE.head, ...shown, 'TENSOR_PARALLEL_SIZE', 'PIPELINE_PARALLEL_SIZE', 'REQUEST_GPU_COUNT'),
    typed: 'launch huggingfaceserver -- --max-model-len=4096',
    facts: mounted,
    runs: [
      "ray start --head --port=6379 --node-ip-address=10.0.0.7 '--node-name=qwen-predictor-6f7d9-x2x4z-<incarnation>' --disable-usage-stats --include-dashboard=false --num-gpus=1 --block",
      'python3 -m huggingfaceserver --model_dir=/mnt/models --model_name=qwen --tensor-parallel-size=1 --pipeline-parallel-size=2 --http_port=8080 --max-model-len=4096',
    ],
  },
  {
    who: 'huggingfaceserver, worker of KServe',
    env: pick(KSERVE.worker, 'HEAD_SVC', 'RAY_NODE_COUNT', 'REQUEST_GPU_COUNT', 'POD_NAME', 'POD_NAMESPACE', 'POD_IP'),
    typed: 'launch huggingfaceserver --',
    runs: [
      "ray start --address=qwen-head-1.team.svc:6379 --node-ip-address=10.0.0.7 '--node-name=qwen-predictor-worker-5c8d-w7b9q-<incarnation>' --disable-usage-stats --num-gpus=1 --block",
    ],
  },
  {
    who: 'sglang, alone',
    env: { MODEL_ID: 'Qwen/Qwen3-8B' },
    typed: 'launch sglang -- --tp 4',
    runs: [
      'python3 -m sglang.launch_server --model-path=Qwen/Qwen3-8B --served-model-name=Qwen3-8B --port=30000 --tp 4',
    ],
  },
  {
    who: 'sglang, head of two',
    env: { MODEL_ID: 'Qwen/Qwen3-8B', ...lws(0) },
    typed: 'launch sglang -- --tp 16',
    runs: [
      'python3 -m sglang.launch_server --model-path=Qwen/Qwen3-8B --served-model-name=Qwen3-8B --port=30000 --dist-init-addr=10.0.0.7:20000 --nnodes=2 --node-rank=0 --tp 16',
    ],
  },
  {
    who: 'sglang, worker of two',
    env: { MODEL_ID: 'Qwen/Qwen3-8B', ...lws(1) },
    typed: 'launch sglang -- --tp 16',
    runs: [
      'python3 -m sglang.launch_server --model-path=Qwen/Qwen3-8B --served-model-name=Qwen3-8B --port=30000 --dist-init-addr=llm-0.llm:20000 --nnodes=2 --node-rank=1 --tp 16',
    ],
  },
  {
    who: 'triton',
    env: { MODEL_DIR: '/mnt/models' },
    typed: 'launch triton -- --log-verbose=1',
    facts: mounted,
    runs: ['tritonserver --model-repository=/mnt/models --http-port=8000 --grpc-port=8001 --log-verbose=1'],
  },
  {
    who: 'tensorflow-serving',
    env: { MODEL_DIR: '/mnt/models', MODEL_NAME: 'half' },
    typed: 'launch tensorflow-serving --',
    facts: mounted,
    runs: ['tensorflow_model_server --model_base_path=/mnt/models --model_name=half --rest_api_port=8501 --port=8500'],
  },
  {
    who: 'transformer',
    env: { PREDICTOR_HOST: 'half-predictor:9000', MODEL_NAME: 'half' },
    typed: 'launch transformer -- --predictor_protocol=grpc-v2',
    runs: [
      'muster gateway --model_name=half --predictor_host=half-predictor:9000 --http_port=8080 --predictor_protocol=grpc-v2',
    ],
  },
  {
    who: 'transformer-python',
    env: { TRANSFORMER_MODULE: 'image_transformer', MODEL_NAME: 'half' },
    typed: 'launch transformer-python -- --predictor_host=half-predictor',
    runs: [
      'python3 -m image_transformer --model_name=half --http_port=8080 --grpc_port=8081 --predictor_host=half-predictor',
    ],
  },
  {
    who: 'demo, head of two',
    env: { POD_NAME: 'demo-0', ...lws(0) },
    typed: 'launch demo -- --tensor-parallel-size=2',
    runs: [
      "ray start --head --port=6379 --node-ip-address=10.0.0.7 '--node-name=demo-0-<incarnation>' --disable-usage-stats --include-dashboard=false --num-cpus=1 --object-store-memory=100000000 --min-worker-port=0 --max-worker-port=0 --block",
      'python3 /opt/muster/runtimes/demo/server.py --port 8080 --model-name demo --tensor-parallel-size=2',
    ],
  },
  {
    who: 'demo, worker of two',
    env: { POD_NAME: 'demo-1', ...lws(1) },
    typed: 'launch demo -- --tensor-parallel-size=2',
    runs: [
      "ray start --address=llm-0.llm:6379 --node-ip-address=10.0.0.7 '--node-name=demo-1-<incarnation>' --disable-usage-stats --num-cpus=1 --object-store-memory=100000000 --min-worker-port=0 --max-worker-port=0 --block",
    ],
  },
  {
    who: 'demo-native, head of two',
    env: lws(0),
    typed: 'launch demo-native -- -tp 2',
    runs: [
      'python3 /opt/muster/runtimes/demo/server.py --port 8080 --model-name demo-native --nnodes=2 --node-rank=0 --master-addr=10.0.0.7 --master-port=29500 -tp 2',
    ],
  },
  {
    who: 'demo-native, worker of two',
    env: lws(1),
    typed: 'launch demo-native -- -tp 2',
    runs: [
      "python3 /opt/muster/runtimes/demo/server.py --port 8080 --model-name '<its name>' --nnodes=2 --node-rank=1 --master-addr=llm-0.llm --master-port=29500 -tp 2",
    ],
  },
  {
    who: 'any command, alone',
    env: {},
    typed: "run -- python3 train.py 'a b'",
    runs: ["python3 train.py 'a b'"],
  },
  {
    who: 'any command, on Ray, head of two',
    env: { POD_NAME: 'job-0', ...lws(0) },
    typed: 'run --engine=ray -- python3 train.py',
    runs: [
      "ray start --head --port=6379 --node-ip-address=10.0.0.7 '--node-name=job-0-<incarnation>' --disable-usage-stats --include-dashboard=false --block",
      'python3 train.py',
    ],
  },
  {
    who: 'any command, on each of two',
    env: lws(1),
    typed: 'run -- torchrun train.py',
    runs: ['torchrun train.py'],
  },
];
