/**
 * Faults that a launcher of groups must survive or name, each with what is expected of muster. A test that proves one says
 * so at the end of its title, `(fault 21)` or `(faults 18, 19)`; `npm run docs` lists both in docs/faults.md.
 */
export interface Fault {
  readonly fault: string;
  readonly expected: string;
  /** Exit statuses of muster; `-`: it goes on. */
  readonly status: string;
}

export const FAULTS: Readonly<Record<number, Fault>> = {
  1: {
    fault: 'an option that does not exist',
    expected: 'one line, and the nearest name; a value is never said back',
    status: '64',
  },
  2: {
    fault: 'server args with spaces, quotes, newlines, a leading dash, UTF-8, or empty',
    expected: 'they reach the server byte for byte; what Node has damaged is refused',
    status: '-',
  },
  3: {
    fault: 'a variable that is no number, out of range, or set and empty',
    expected: 'named with its value and range, all of them at once',
    status: '78',
  },
  4: { fault: 'a rank outside the group', expected: 'both values and where they come from', status: '78' },
  5: {
    fault: 'a runtime file that is a bomb of anchors, reaches for `__proto__`, has a key twice, or 10 MB',
    expected: 'refused at once, in less than 150 MiB',
    status: '65',
  },
  6: {
    fault: 'MODEL_DIR is missing or empty',
    expected: 'refused at once, naming storageUri; a kubelet mounts before it starts a container, so nobody waits',
    status: '66',
  },
  7: {
    fault: 'MODEL_DIR climbs or leads out of where models may be',
    expected: 'refused with where it leads; a hub cache, which consists of links, is not',
    status: '77',
  },
  8: {
    fault: 'a read-only root, a user without name or home, no writable directory at all',
    expected: 'works: muster needs to write nowhere',
    status: '-',
  },
  9: {
    fault: 'no room to write the termination log',
    expected: 'one warning, no half line, and the status it would have had',
    status: '-',
  },
  10: {
    fault: 'SIGTERM in any phase',
    expected: 'everything that was started is gone, within two seconds and the server’s own time',
    status: '128 + n; the server’s own once it runs',
  },
  11: {
    fault: 'SIGTERM twice; SIGINT after it, or twice',
    expected: 'SIGTERM again changes nothing; SIGINT again kills what is left',
    status: '128 + n of the first',
  },
  12: {
    fault: 'stderr closed, or a pipe that nobody reads; output without an end',
    expected: 'nobody waits, memory stays small, the server does not notice',
    status: '-',
  },
  13: {
    fault: 'the clock jumps by an hour, back and forth',
    expected: 'no wait, lease or deadline notices',
    status: '-',
  },
  14: {
    fault: 'muster is PID 1, or PID 1 does not reap',
    expected: 'it puts tini below or above itself; without one, one warning',
    status: '-',
  },
  15: { fault: 'NODE_OPTIONS is set', expected: 'one warning; the server does not get it', status: '-' },
  16: {
    fault: 'the head is not up yet, or its name does not resolve yet',
    expected: 'joined as soon as it is; else the layer that failed is named at the deadline',
    status: '69',
  },
  17: { fault: 'the head’s name changes its address', expected: 'resolved again at each try', status: '-' },
  18: {
    fault: 'a wrong token',
    expected: 'refused after one visit, without a storm; the right one still gets in',
    status: '77',
  },
  19: { fault: 'another version, or words nobody understands', expected: 'refused with both versions', status: '76' },
  20: {
    fault: 'two members of one rank',
    expected: 'an older life of the same member is fenced; another member is refused',
    status: '80, 78',
  },
  21: {
    fault: 'a member is frozen',
    expected: 'lost when its lease is over; woken up, it hears the same sentence and ends',
    status: '79',
  },
  22: {
    fault: 'the head is killed',
    expected:
      'before the engine is prepared, members join the new one with their ranks; later, the generation is over for all',
    status: '79',
  },
  23: { fault: 'a member never comes', expected: 'all name the missing rank at the deadline', status: '75' },
  24: {
    fault: 'garbage, 70 KB of metadata, 5 MB messages, thousands of connections, silence',
    expected: 'turned away; the members are unharmed, memory is bounded',
    status: '-',
  },
  25: { fault: 'messages that come twice, late, or in another order', expected: 'nothing happens twice', status: '-' },
  26: {
    fault: 'a connection that breaks while the group gathers',
    expected: 'a new one goes on with the same rank',
    status: '-',
  },
  27: {
    fault: 'a network that lets packets through in one direction only',
    expected: 'both ends notice within the lease',
    status: '79',
  },
  28: { fault: 'a port is taken', expected: 'named with its owner', status: '78' },
  29: {
    fault: 'the server’s program is missing, cannot be executed, or has args that are too long',
    expected: 'refused before anything is replaced or started',
    status: '127, 126',
  },
  30: {
    fault: 'the server dies again and again',
    expected: 'each restart waits longer, with jitter and a cap; in the end its own status',
    status: 'the server’s own',
  },
  31: {
    fault: 'the server is never ready',
    expected: 'ended at the ready timeout, with what it last said',
    status: '124',
  },
  32: {
    fault: 'the server accepts and never answers',
    expected: 'readiness goes after two misses; at the hang timeout it is ended',
    status: '81',
  },
  33: {
    fault: 'a worker of the server is killed for want of memory',
    expected: 'the group is over, and the reason says oom_kill',
    status: 'the server’s own; 79 elsewhere',
  },
  34: {
    fault: 'children outlive a killed parent',
    expected: 'found by their run id and killed before anything starts again',
    status: '-',
  },
  35: {
    fault: 'Ray’s port is taken, its GCS dies, its directory is stale',
    expected: 'said at once, in Ray’s words',
    status: '78, 79',
  },
  36: {
    fault: 'the server replaces muster',
    expected: 'same PID; no descriptor, blocked signal or non-blocking stdio of ours',
    status: 'the server’s own',
  },
  37: {
    fault: 'a signal at the very moment the server replaces muster',
    expected: 'muster or the server ends by it; it is never lost',
    status: '128 + n',
  },
  38: {
    fault: 'any exit status, any deadly or forwarded signal',
    expected: 'mirrored, through tini in a PID namespace too',
    status: 'the server’s own',
  },
  39: {
    fault:
      'in front of a model: clients that are rude, slow or gone, bodies too large, a predictor that dies, hangs or says no',
    expected:
      'one HTTP status with one sentence; the predictor’s call is cancelled, memory stays small, others are served',
    status: 'HTTP 400, 408, 413, 429, 499, 502, 503, 504',
  },
  40: {
    fault: 'local: Docker absent or down, image missing, name or port taken, Ctrl-C half-way',
    expected: 'one line each, and no container, network or volume is left',
    status: '69, 66, 78, 130',
  },
};
