/** Every gRPC method that is served. A service of its own (a folder) adds its methods by one line here. */

import { addTfsServices } from '../tfs/services.ts';
import { addHealth } from './health.ts';
import type { Methods } from './methods.ts';
import { addOip } from './oip/service.ts';
import { addReflection } from './reflection/service.ts';

export function addMethods(methods: Methods): void {
  addOip(methods);
  addTfsServices(methods);
  addHealth(methods);
  addReflection(methods);
}
