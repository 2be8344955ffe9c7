/**
 * A node's part in the report of a run: takes notes while packages are staged, and once Python
 * runs, or the run has failed, brings them to the root, which writes the report. Loaded only when a
 * report was asked for; no rank waits for it.
 */
import { asPythonMpiError, JobFailed } from '../../errors.ts';
import type { Card } from '../../net/card.ts';
import type { Answer, Driver, Stager, Verdict } from '../../net/driver.ts';
import { REPORT } from '../../net/handshake.ts';
import { Reports } from '../../net/reports.ts';
import { parentOf } from '../../net/wide-tree.ts';
import type { PackageSpec } from '../../stage/package.ts';
import type { Leadership } from '../leadership.ts';
import type { NodeMap } from '../rendezvous/node-map.ts';
import type { Rendezvous } from '../rendezvous/rendezvous.ts';
import type { Configuration, Run } from '../run.ts';
import type { RunRecord } from './record.ts';
import { type Moment, type NodeRecord, Timeline } from './timeline.ts';
import { writeReport } from './write.ts';

/**
 * How long a node waits for the reports of those just below, in milliseconds: when Python runs,
 * which keeps no rank waiting, and when the run has failed, whose end waits for this.
 */
const PATIENCE_MS = 5000;
const PATIENCE_AFTER_FAILURE_MS = 1500;

export interface NodeReportOptions {
  run: Pick<Run, 'log' | 'complain'> & { configuration: Pick<Configuration, 'tree'> };
  /** Where the root writes the report. */
  file: string;
  launcher: string;
  nodeMap: NodeMap;
  rendezvous: Rendezvous;
}

export class NodeReport {
  readonly #options: NodeReportOptions;
  readonly #done = Promise.withResolvers<void>();
  #timeline: Timeline | undefined = new Timeline();
  #reports: Reports<NodeRecord> | undefined;
  #driver: Driver | undefined;
  #parents: Promise<readonly Card[]> = Promise.resolve([]);
  #packages: readonly PackageSpec[] = [];
  #tree: string | undefined;
  #expected: number;
  #failure: string | undefined;

  constructor(options: NodeReportOptions, leadership: Leadership) {
    const { run, nodeMap } = options;
    this.#options = options;
    this.#expected = nodeMap.leaders.length;
    const reports = new Reports<NodeRecord>({
      position: nodeMap.position,
      count: nodeMap.leaders.length,
      secret: leadership.secret,
      log: run.log,
    });
    this.#reports = reports;
    leadership.attend(REPORT, link => reports.admit(link));
    this.mark('met');
  }

  /** Resolves when this node has done its part. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  mark(moment: Moment): void {
    this.#timeline?.mark(moment);
  }

  /** Root: what is going to be sent, and this node's own answer. */
  announced(packages: readonly PackageSpec[], answer: Answer): void {
    this.#packages = packages;
    this.#timeline?.answered(answer);
  }

  /** The stager with notes taken of it. */
  observe(stager: Stager): Stager {
    return this.#timeline!.observe(stager);
  }

  /**
   * Asks where to report to, as long as the launcher may be asked. To be called, and waited for,
   * before Python runs.
   */
  async findParents(): Promise<void> {
    const { rendezvous, nodeMap, run } = this.#options;
    const { position } = nodeMap;
    const positions = position === 0 ? [] : [...new Set([parentOf(position), 0])];
    this.#parents = Promise.all(positions.map(parent => rendezvous.cardOf(parent))).catch(error => {
      run.log(`will not report: ${asPythonMpiError(error).message}`);
      return [];
    });
    await this.#parents;
  }

  /** Notes the verdict of the session, and what the driver has counted. */
  follow(driver: Driver): void {
    this.#driver = driver;
    const why = this.#options.run.configuration.tree === 'auto' ? 'it costs least' : 'as wanted';
    this.#tree = `${driver.shape} (${why})`;
    const note = (verdict: Verdict) => {
      this.mark('verdict');
      if ('ready' in verdict) this.#expected -= verdict.ready.lost;
    };
    driver.verdict.then(note, () => {});
  }

  /** The run has failed, for this reason. */
  failed(thrown: unknown): void {
    this.#failure = asPythonMpiError(thrown instanceof JobFailed ? thrown.error : thrown).toLine();
    this.conclude();
  }

  /** This node's own Python runs. */
  started(): void {
    this.mark('python');
    this.conclude();
  }

  /** Nothing more is to be noted: hands over what there is. Once; later calls do nothing. */
  conclude(): void {
    const { run, nodeMap } = this.#options;
    const [timeline, reports] = [this.#timeline, this.#reports];
    if (timeline === undefined || reports === undefined) return;
    const record = timeline.record(nodeMap.locals, this.#driver?.statistics);
    // Python may run for hours beside what this keeps.
    this.#timeline = this.#reports = this.#driver = undefined;
    void this.#handOver(reports, record)
      .catch(error => run.complain(asPythonMpiError(error)))
      .then(() => this.#done.resolve());
  }

  async #handOver(reports: Reports<NodeRecord>, record: NodeRecord): Promise<void> {
    const { file, launcher, nodeMap, run } = this.#options;
    const patience = this.#failure === undefined ? PATIENCE_MS : PATIENCE_AFTER_FAILURE_MS;
    const parents = await this.#parents;
    const nodes = await reports.conclude(record, this.#expected, patience, parents);
    if (nodeMap.position !== 0) return;
    const whole: RunRecord = {
      launcher,
      tree: this.#tree,
      packages: this.#packages,
      count: nodeMap.leaders.length,
      origin: performance.timeOrigin,
      failure: this.#failure,
      nodes: nodes.toSorted((a, b) => a.position - b.position),
    };
    await writeReport(file, whole);
    run.log(`report of ${nodes.length} nodes in ${file}`);
  }
}
