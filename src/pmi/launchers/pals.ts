/**
 * PALS on Cray EX, and `srun --mpi=cray_shasta`: a file says where the ranks are, and there is no
 * server to ask.
 *
 * PMI_RANK and PMI_SIZE may be set all the same. The library inside Python wires itself up from the
 * same file.
 */
import { readFileSync } from 'node:fs';
import { PythonMpiError } from '../../errors.ts';
import { readCount } from '../environment.ts';
import type { Method } from '../launcher.ts';
import { dense } from '../mapping.ts';
import { SERVERLESS } from '../serverless.ts';
import { parseApinfo } from './apinfo.ts';
import { stepEndCommand } from './slurm.ts';

export const pals: Method = {
  name: 'pals',

  claims({ PALS_RANKID, PALS_APINFO }) {
    if (PALS_RANKID === undefined || PALS_APINFO === undefined) return undefined;
    return `PALS_RANKID=${PALS_RANKID}, PALS_APINFO=${PALS_APINFO}`;
  },

  async open({ env, why, log }) {
    const { nodes, hosts } = parseApinfo(readApinfo(env.PALS_APINFO));
    const size = nodes.length;
    const rank = readCount(env, 'PALS_RANKID', 0);
    if (rank >= size) {
      throw new PythonMpiError(
        'LAUNCHER',
        `PALS_RANKID=${rank} is not among the ${size} ranks of the apinfo file`,
        {
          hint: 'start python-mpi through the launcher itself, with the environment it sets',
        },
      );
    }
    const used = [...new Set(nodes)].map(node => hosts[node]!);
    log(`launcher pals: rank ${rank} of ${size} on ${used.length} nodes, rank 0 on ${used[0]}`);
    return {
      ...SERVERLESS,
      launcher: this.name,
      why,
      placement: { rank, size, nodes: dense(nodes) },
      hosts: used,
      ...(env.PALS_APID === undefined ? {} : { jobId: env.PALS_APID }),
      // PALS itself ends a job one of whose ranks has failed; Slurm in its name does not.
      ...(env.SLURM_STEP_ID === undefined ? {} : { endCommand: stepEndCommand(env) }),
    };
  },
};

function readApinfo(path: string | undefined): Uint8Array {
  try {
    return readFileSync(path ?? '');
  } catch (cause) {
    throw new PythonMpiError('LAUNCHER', `cannot read PALS_APINFO=${path ?? ''}`, {
      hint: 'start python-mpi through the launcher itself; the file is there while the job runs',
      cause,
    });
  }
}
