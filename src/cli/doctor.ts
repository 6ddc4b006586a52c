/**
 * `muster doctor`: looks at everything a launch stands on, and says what to do. Status 0: nothing fails; 78 (UNFIT): something
 * does, or warns under --strict.
 */
import { isatty } from 'node:tty';
import { CHECKS, examine } from '../doctor/checks.ts';
import { gatherFacts, type Known } from '../doctor/facts.ts';
import type { Finding } from '../doctor/finding.ts';
import { needsOfPlan, needsOfSettings } from '../doctor/needs.ts';
import { countOf, reportJson, reportText } from '../doctor/report.ts';
import { EXIT, type ExitStatus, MusterError } from '../errors.ts';
import { cutArgv } from '../launch/args/cut.ts';
import { parseFlags } from '../launch/args/parse-flags.ts';
import { resolveSettings } from '../launch/args/settings.ts';
import { gatherFacts as gatherLaunchFacts } from '../launch/facts/gather.ts';
import { previewCommands } from '../launch/preview.ts';
import type { World } from '../world.ts';
import { type Prepared, prepare, refuseIfAny } from './prepare.ts';

export async function doctorCommand(world: World, argv: readonly string[]): Promise<ExitStatus> {
  const { group, strict, rest } = ownFlags(argv);
  const { known, prepared, json } = await consider(world, rest);
  const facts = await gatherFacts(
    { root: '/', uid: process.getuid?.() ?? 0, pid: world.pid, env: world.env, now: world.now },
    known,
  );
  const own = examine(facts);
  const met = group
    ? await (await import('../doctor/group/examine-group.ts')).examineGroup({ world, facts, prepared })
    : undefined;
  const findings = [...own, ...(met?.findings ?? [])];
  const bad = countOf(findings, 'fail') + (strict ? countOf(findings, 'warn') : 0);
  if (json) world.stdout(reportJson(findings, { ok: bad === 0, strict, group: met?.json }));
  else {
    const text = reportText(findings, { colour: isatty(1) && !world.env.NO_COLOR });
    world.stdout(met ? `${text}${met.text}` : text);
  }
  if (bad > 0) throw unfit(findings, strict);
  return EXIT.ok;
}

/** What only doctor knows; the rest is the launch's. */
function ownFlags(argv: readonly string[]) {
  const { ours, theirs } = cutArgv(argv);
  const mine = ['--group', '--strict'];
  const rest = [...ours.filter((each) => !mine.includes(each)), ...(theirs === undefined ? [] : ['--', ...theirs])];
  return { group: ours.includes('--group'), strict: ours.includes('--strict'), rest };
}

interface Considered {
  readonly known: Known;
  /** Undefined: there is no plan. */
  readonly prepared: Prepared | undefined;
  readonly json: boolean;
}

/** The plan as the launch would make it; what refuses it becomes part of what is known. */
async function consider(world: World, argv: readonly string[]): Promise<Considered> {
  const { flags, refusals: wrongFlags } = parseFlags(cutArgv(argv).ours);
  refuseIfAny(wrongFlags);
  const { settings, refusals: wrongSettings } = resolveSettings(flags, world.env);
  const json = settings.json?.value ?? false;
  const withoutPlan = async (refusals: Known['refusals']): Promise<Considered> => {
    const { facts } = await gatherLaunchFacts(settings, world.env);
    return {
      known: { needs: needsOfSettings(settings, world.env, facts), refusals, notes: [] },
      prepared: undefined,
      json,
    };
  };
  if (flags.positionals.length === 0) return withoutPlan(wrongSettings);
  try {
    const prepared = await prepare(world, 'launch', argv);
    const { plan } = prepared;
    const server = previewCommands(plan, world.env).find(({ who }) => who.startsWith('server'));
    const needs = needsOfPlan({ plan, settings, program: server?.argv[0] });
    return { known: { needs, refusals: [], notes: plan.notes }, prepared, json };
  } catch (error) {
    // A mistake in what was typed is no finding about the machine.
    if (!(error instanceof MusterError) || error.code === 'USAGE') throw error;
    return withoutPlan(error.refusals);
  }
}

function unfit(findings: readonly Finding[], strict: boolean): MusterError {
  const bad = findings.filter(({ level }) => level === 'fail' || (strict && level === 'warn'));
  const checks = [...new Set(bad.map(({ check }) => check))];
  return new MusterError({
    code: 'UNFIT',
    message: `${bad.length} of ${findings.length} findings ${strict ? 'fail or warn' : 'fail'}: ${checks.join(', ')}`,
    hint: `Each says what to do; docs/doctor.md explains the ${Object.keys(CHECKS).length} checks.`,
  });
}
