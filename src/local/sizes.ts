/** Memory as people write it, `8g`, and as they read it, `8 GiB`. Pure. */

const UNITS: Readonly<Record<string, number>> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** `512m`, `3g`, `3Gi`, `1.5G`: bytes, powers of 1024 as Docker counts; undefined: no size. */
export function parseBytes(text: string): number | undefined {
  const parts = /^(\d{1,6}(?:\.\d{1,3})?)([bkmgt])i?b?$/i.exec(text);
  const unit = UNITS[parts?.[2]?.toLowerCase() ?? ''];
  return parts && unit ? Math.floor(Number(parts[1]) * unit) : undefined;
}

/** The largest unit that leaves at least 1 before the point: `23.5 GiB`, `512 MiB`. */
export function formatBytes(bytes: number): string {
  const [unit, size] =
    bytes >= 1024 ** 3 ? ['GiB', 1024 ** 3] : bytes >= 1024 ** 2 ? ['MiB', 1024 ** 2] : ['KiB', 1024];
  return `${(bytes / (size as number)).toFixed(1).replace(/\.0$/, '')} ${unit}`;
}
