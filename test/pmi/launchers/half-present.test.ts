/**
 * Environments that promise a launcher that is not there, or not whole: the program says so in one
 * line and ends, and never hangs.
 */
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../../support/job.ts';
import { scratch } from '../../support/scratch.ts';

/** A script that must not start. */
const SCRIPT = ['-c', 'print("Python runs")'];
const PMI = { PMI_RANK: '0', PMI_SIZE: '2' };
const PMIX = {
  PMIX_NAMESPACE: '4086104065',
  PMIX_RANK: '0',
  PMIX_SECURITY_MODE: 'munge,native',
  PMIX_BFROP_BUFFER_TYPE: 'PMIX_BFROP_BUFFER_NON_DESC',
  PMIX_GDS_MODULE: 'ds21,ds12,hash',
};

/** Runs a command with one end of a socket pair as descriptor 8, whose other end does this. */
const withPeer = (peer: string): readonly string[] => [
  '/usr/bin/python3',
  '-c',
  `import os, socket, sys
ours, theirs = socket.socketpair()
if os.fork() == 0:
    ours.close()
    ${peer}
    os._exit(0)
theirs.close()
os.wait() if "${peer}" == "theirs.close()" else None
os.dup2(ours.fileno(), 8)
os.execvp(sys.argv[1], sys.argv[1:])`,
];

interface Case {
  env: NodeJS.ProcessEnv;
  /** Command before python-mpi. */
  through?: readonly string[];
  status: number;
  line: RegExp;
}

const CASES: Record<string, Case> = {
  'PMI_FD that is closed': {
    env: { ...PMI, PMI_FD: '8' },
    status: 78,
    line: /PMI_FD=8 is no open socket/,
  },
  'PMI_FD that is no socket': {
    env: { ...PMI, PMI_FD: '8' },
    through: ['sh', '-c', 'exec "$@" 8</dev/null', 'sh'],
    status: 78,
    line: /PMI_FD=8 is no open socket/,
  },
  'PMI_FD whose server has gone': {
    env: { ...PMI, PMI_FD: '8' },
    through: withPeer('theirs.close()'),
    status: 78,
    line: /lost the launcher's connection \(EPIPE\)|closed its PMI connection/,
  },
  'PMI_FD whose server goes when it is spoken to': {
    env: { ...PMI, PMI_FD: '8' },
    through: withPeer('theirs.recv(100)'),
    status: 78,
    line: /closed its PMI connection instead of answering 'init'/,
  },
  'PMI_FD whose server does not answer': {
    env: { ...PMI, PMI_FD: '8', PYTHON_MPI_TIMEOUT: '1' },
    through: withPeer('theirs.recv(100); theirs.recv(100)'),
    status: 75,
    line: /timed out waiting for the launcher to answer 'init'/,
  },
  'the same, for a Python whose MPI speaks PMI-2': {
    env: { ...PMI, PMI_FD: '8', PYTHON_MPI_TIMEOUT: '1', MPIR_CVAR_PMI_VERSION: '2' },
    through: withPeer('theirs.recv(100); theirs.recv(100)'),
    status: 75,
    line: /timed out waiting for the launcher to answer 'init'/,
  },
  'PMI_RANK beyond PMI_SIZE': {
    env: { PMI_FD: '8', PMI_RANK: '2', PMI_SIZE: '2' },
    status: 78,
    line: /PMI_SIZE=2 is no whole number from 3 to/,
  },
  'PMI_RANK without PMI_FD': {
    env: PMI,
    status: 78,
    line: /a rank without its launcher: there is PMI_RANK=0 and no PMI_FD/,
  },
  'PMI_PORT where nobody listens': {
    env: { PMI_PORT: '127.0.0.1:1', PMI_ID: '0' },
    status: 78,
    line: /cannot connect to the launcher at 127.0.0.1:1 .*ECONNREFUSED/,
  },
  'PMIX_* without the address of a server': {
    env: PMIX,
    status: 78,
    line: /PMIX_RANK=0 and no PMIx server/,
  },
  'PMIX_* with an address that is none': {
    env: { ...PMIX, PMIX_SERVER_URI41: '4086104064.0;tcp4:/127.0.0.1' },
    status: 78,
    line: /PMIx server of the launcher has an address that is none/,
  },
  'PMIX_* whose server has gone': {
    env: { ...PMIX, PMIX_SERVER_URI41: '4086104064.0;tcp4://127.0.0.1:1' },
    status: 78,
    line: /cannot connect to the launcher at 127.0.0.1:1/,
  },
  'OMPI_* without PMIX_*': {
    env: { OMPI_COMM_WORLD_RANK: '0', OMPI_COMM_WORLD_SIZE: '2' },
    status: 78,
    line: /OMPI_COMM_WORLD_RANK=0 and no PMIx server/,
  },
  'PALS_APINFO that is missing': {
    env: { PALS_RANKID: '0', PALS_APID: '89.0' },
    status: 78,
    line: /PALS_RANKID=0 and no PALS_APINFO/,
  },
  'PALS_APINFO that names no file': {
    env: { PALS_RANKID: '0', PALS_APINFO: '/nowhere' },
    status: 78,
    line: /cannot read PALS_APINFO=\/nowhere/,
  },
  'PALS_APINFO that was cut short': {
    env: { PALS_RANKID: '0', PALS_APINFO: join(scratch(), 'apinfo') },
    status: 78,
    line: /the apinfo file of PALS has 200 bytes and says 528/,
  },
  'SLURM_* of a step that lost some on the way': {
    env: {
      SLURM_JOB_ID: '89',
      SLURM_STEP_ID: '0',
      SLURM_PROCID: '0',
      SLURM_NTASKS: '2',
      SLURM_STEP_NUM_TASKS: '2',
    },
    status: 78,
    line: /SLURM_STEP_NODELIST is not set/,
  },
  'SLURM_* that contradict each other': {
    env: {
      SLURM_JOB_ID: '89',
      SLURM_STEP_ID: '0',
      SLURM_PROCID: '0',
      SLURM_NODEID: '0',
      SLURM_NTASKS: '2',
      SLURM_STEP_NUM_TASKS: '2',
      SLURM_STEP_NODELIST: 'n[0-1]',
      SLURM_STEP_TASKS_PER_NODE: '2(x2)',
    },
    status: 78,
    line: /SLURM_\* contradict each other about the number of ranks/,
  },
};

const half = suite('half-present');

half.before(() => {
  const cut = Buffer.alloc(200);
  cut.writeBigUInt64LE(528n, 8);
  writeFileSync(CASES['PALS_APINFO that was cut short']!.env.PALS_APINFO!, cut);
});

for (const [what, { env, through, status, line }] of Object.entries(CASES)) {
  half(what, async () => {
    const finished = await run(SCRIPT, { env, ...(through && { launcher: through }) });
    assert.is(finished.out, '', finished.err);
    assert.is(finished.told.length, 1, finished.err);
    assert.match(finished.told[0]!, line);
    assert.is(finished.status, status);
    assert.is(finished.err, `${finished.told[0]}\n`, 'and nothing else');
  });
}

/** What a server does with a connection. */
const SERVERS: Record<string, [accept: (socket: Socket) => void, status: number, line: RegExp]> = {
  'takes the connection and says nothing': [() => {}, 75, /timed out waiting for the launcher/],
  'closes at once': [socket => socket.destroy(), 78, /closed its|lost the launcher/],
  'speaks something else': [
    socket => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'.repeat(200)),
    78,
    /the launcher|PMI/,
  ],
};

for (const [how, [accept, status, line]] of Object.entries(SERVERS)) {
  half(`a port behind PMI_PORT or PMIX_SERVER_URI that ${how}`, async () => {
    const server = createServer(accept);
    const at = await listening(server);
    for (const env of [
      { PMI_PORT: at, PMI_ID: '0' },
      { ...PMIX, PMIX_SERVER_URI41: `4086104064.0;tcp4://${at}` },
    ]) {
      const finished = await run(SCRIPT, { env: { ...env, PYTHON_MPI_TIMEOUT: '1' } });
      assert.is(finished.told.length, 1, finished.err);
      assert.match(finished.told[0]!, line);
      assert.is(finished.status, status, finished.err);
    }
    server.close();
  });
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

half('a batch script is no rank: Python runs', async () => {
  for (const env of [
    // As sbatch leaves it, and salloc.
    { SLURM_JOB_ID: '89', SLURM_PROCID: '0', SLURM_NODEID: '0', SLURM_NTASKS: '8' },
    { SLURM_JOB_ID: '89', SLURM_NTASKS: '8', SLURM_NNODES: '4' },
    { PBS_JOBID: '7.head', PBS_VNODENUM: '0', PBS_NODEFILE: '/nowhere' },
    { LSB_JOBID: '99', LSB_MCPU_HOSTS: 'n0 8 n1 8' },
  ]) {
    const { status, out, err } = await run(SCRIPT, { env });
    assert.is(status, 0, err);
    assert.is(out, 'Python runs\n');
  }
});

half.run();
