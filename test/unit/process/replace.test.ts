import { expect, test } from 'vitest';
import { replace } from '../../../src/process/replace.ts';

test('on a Node without execve says which one has it', () => {
  const { execve } = process;
  Object.assign(process, { execve: undefined });
  try {
    expect(() => replace({ argv: ['true'], env: {} }, { warn: () => {} })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', exitStatus: 78, message: expect.stringContaining('22.15') }),
    );
  } finally {
    Object.assign(process, { execve });
  }
});
