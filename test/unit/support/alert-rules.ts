/** Prometheus alert rules as values, and what promtool says of them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { parse, stringify } from 'yaml';

export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}

/** One sample a minute, in promtool's notation. */
export interface AlertCase {
  readonly alert: string;
  readonly at: string;
  readonly series: readonly { readonly series: string; readonly values: string }[];
  readonly fires: number;
}

export const minutes = (values: string, series: string) => ({ series, values });

export const noPromtool = spawnSync('promtool', ['--version']).error && 'no promtool on PATH (Debian: prometheus)';

export function rulesOf(file: string): readonly Rule[] {
  const { groups } = parse(readFileSync(file, 'utf8')) as { groups: { name: string; rules: Rule[] }[] };
  return groups.flatMap((group) => group.rules);
}

/** Each is told apart, says how bad, what, and what to do, and asks for metrics that are there. */
export function expectSound(rules: readonly Rule[], metrics: readonly string[]): void {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { alert, expr, labels, annotations } of rules) {
    expect({ alert, severity: labels.severity }).toEqual({
      alert,
      severity: expect.stringMatching(/^(warning|critical)$/),
    });
    expect(annotations).toEqual({ summary: expect.any(String), description: expect.any(String) });
    // A histogram is asked for its parts.
    for (const [name] of expr.matchAll(/muster_\w+/g))
      expect(metrics).toContain(name.replace(/_(bucket|count|sum)$/, ''));
  }
}

/** @throws with promtool's words */
export const checkRules = (file: string): void =>
  void execFileSync('promtool', ['check', 'rules', file], { stdio: 'pipe' });

/** @throws with promtool's words when one fires that should not, or the reverse */
export function fireAsTold(rules: readonly Rule[], cases: readonly AlertCase[]): void {
  const directory = mkdtempSync(join(tmpdir(), 'alerts-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  // promtool compares labels and words too: what it says an alert is, is counted instead.
  const bare = rules.map(({ annotations, labels, ...rule }) => rule);
  writeFileSync(join(directory, 'rules.yaml'), stringify({ groups: [{ name: 'muster', rules: bare }] }));
  const tests = cases.map(({ alert, at, series, fires }) => ({
    interval: '1m',
    input_series: series,
    promql_expr_test: [
      {
        expr: `count(ALERTS{alertname="${alert}",alertstate="firing"}) or vector(0)`,
        eval_time: at,
        exp_samples: [{ labels: '{}', value: fires }],
      },
    ],
  }));
  const file = join(directory, 'tests.yaml');
  writeFileSync(file, stringify({ rule_files: ['rules.yaml'], evaluation_interval: '30s', tests }));
  execFileSync('promtool', ['test', 'rules', file], { stdio: 'pipe', encoding: 'utf8' });
}
