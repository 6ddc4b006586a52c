/** What can be done to a member on purpose, in words: help and answers are made of them. */
export const FAULT_WORDS = {
  kill: { describe: 'SIGKILL all of a member at once, and start it again, as a kubelet would', done: 'is killed' },
  freeze: { describe: 'Stop every process of a member where it is: alive, and silent', done: 'is frozen' },
  thaw: { describe: 'Let a frozen member go on', done: 'goes on' },
  partition: {
    describe: 'Take a member off the network, as if its cable were pulled: nobody is told',
    done: 'is cut off',
  },
  heal: { describe: 'Put a member back on the network, with the address and the names it had', done: 'is back' },
  restart: { describe: 'SIGTERM, its grace, SIGKILL, and a start anew', done: 'is started anew' },
} as const;

export type FaultName = keyof typeof FAULT_WORDS;
