import type { Refusal } from '../../errors.ts';

/** What is wrong with the address of a collector, if anything. What is no address may be a secret, so it is not said. Pure. */
export function checkCollector(endpoint: string | undefined): readonly Refusal[] {
  if (endpoint === undefined || ['http:', 'https:'].includes(URL.parse(endpoint)?.protocol ?? '')) return [];
  return [
    {
      code: 'USAGE',
      message: '--otlp_endpoint is no http:// or https:// URL',
      hint: 'Write the base address of a collector that takes OTLP over HTTP, such as http://collector:4318.',
    },
  ];
}
