/**
 * How the programs end: with their status or signal, whatever the launcher does or fails to do, and
 * all they said said.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Pmi1Server } from '../../src/pmi/pmi1/server.ts';
import { parseBody } from '../../src/pmi/pmi2/codec.ts';
import { modulePackage, PYTHON_MPI } from '../support/job.ts';
import { scratch } from '../support/scratch.ts';

const MAPPING = '(vector,(0,1,1))';
const DESCRIPTOR = 3;

/** What a launcher answers to the requests of its only rank. */
type Launcher = (request: Buffer) => string;

function pmi1(): Launcher {
  const server = new Pmi1Server(1, MAPPING);
  return request =>
    server
      .feed(0, request)
      .replies.map(({ line }) => line)
      .join('');
}

/** Each request is one write, so each comes alone. */
function pmi2(): Launcher {
  const answers: Record<string, string> = {
    fullinit: 'rank=0;size=1;',
    'job-getid': 'jobid=1;',
    'info-getjobattr': `found=TRUE;value=${MAPPING};`,
    finalize: '',
  };
  return request => {
    if (request.includes('cmd=init '))
      return 'cmd=response_to_init pmi_version=2 pmi_subversion=0 rc=0\n';
    const { command } = parseBody(request.toString('latin1', 6));
    const body = `cmd=${command}-response;${answers[command]}rc=0;`;
    return String(body.length).padStart(6) + body;
  };
}

/** Long after everything has ended that ends by itself, in milliseconds. */
const HUNG_MS = 100_000;

/**
 * Runs a program as the only rank of a launcher that is mute from the first request that matches.
 */
async function run(launcher: Launcher, mute: RegExp, program: string, args: string[], env = {}) {
  const child = spawn(join(PYTHON_MPI, '..', program), args, {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: {
      PATH: '/usr/bin:/bin',
      PMI_FD: String(DESCRIPTOR),
      PMI_RANK: '0',
      PMI_SIZE: '1',
      ...env,
    },
    signal: AbortSignal.timeout(HUNG_MS),
    killSignal: 'SIGKILL',
  });
  child.on('error', () => {});
  const connection = child.stdio[DESCRIPTOR] as Duplex;
  connection.on('error', () => {});
  let isMute = false;
  connection.on('data', (request: Buffer) => {
    isMute ||= mute.test(request.toString('latin1'));
    if (!isMute) connection.write(launcher(request), 'latin1');
  });
  const [[status, signal], err] = await Promise.all([once(child, 'exit'), text(child.stderr!)]);
  connection.destroy();
  assert.ok(isMute, err);
  return { status, signal, err };
}

const PYTHON = 'python-mpi';
const python = (code: string) => ['--python', '/usr/bin/python3', '-c', code];
const kill = (signal: string) => {
  const restore = signal === 'SIGKILL' ? '' : `signal.signal(signal.${signal}, signal.SIG_DFL); `;
  return `import os, signal; ${restore}os.kill(os.getpid(), signal.${signal})`;
};

const end = suite('leave: a launcher that falls silent');

for (const [version, launcher, env] of [
  ['PMI-1', pmi1, {}],
  ['PMI-2', pmi2, { MPIR_CVAR_PMI_VERSION: '2' }],
] as const) {
  end(`${version}: success, when finalize is not answered`, async () => {
    const ended = await run(launcher(), /finalize/, PYTHON, python('pass'), env);
    assert.equal(ended, { status: 0, signal: null, err: '' });
  });

  // After a first answer of its kind, which is part of how the session starts.
  const drain = version === 'PMI-1' ? /get_maxes/g : /job-getid/g;
  end(`${version}: a status, when nothing is answered any more`, async () => {
    let asked = 0;
    const second = { test: (request: string) => drain.test(request) && ++asked > 1 } as RegExp;
    const { status } = await run(launcher(), second, PYTHON, python('raise SystemExit(7)'), env);
    assert.is(status, 7);
  });

  end(`${version}: a signal, when nothing is answered any more`, async () => {
    let asked = 0;
    const second = { test: (request: string) => drain.test(request) && ++asked > 1 } as RegExp;
    const { signal } = await run(launcher(), second, PYTHON, python(kill('SIGTERM')), env);
    assert.is(signal, 'SIGTERM');
  });

  end(`${version}: success of python-mpi-bcast, when finalize is not answered`, async () => {
    const directory = scratch();
    writeFileSync(join(directory, 'file'), 'content');
    const args = [join(directory, 'file'), join(directory, 'copy')];
    const { status, err } = await run(launcher(), /finalize/, 'python-mpi-bcast', args, env);
    assert.equal([status, err], [0, '']);
  });
}

const ways = suite('leave');

/** A rank that stays beside its Python, and leaves after it. */
async function besides(code: string) {
  const child = spawn(PYTHON_MPI, ['-n', '1', ...python(code)], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: '/usr/bin:/bin' },
  });
  const [status, signal] = await once(child, 'exit');
  return [status, signal];
}

ways('by any signal that ended Python, also one that Node itself ignores', async () => {
  for (const signal of ['SIGTERM', 'SIGPIPE', 'SIGUSR1', 'SIGHUP', 'SIGKILL'])
    assert.equal(await besides(kill(signal)), [null, signal]);
});

ways('what other processes write to is left as it was, and all is said', async () => {
  const [directory, hello] = [scratch(), await modulePackage('hello', '')];
  for (const [program, said] of [
    ['"$PM" --help', /one word in front of the script.*no launcher needed/s],
    ['"$PM" --nonsense', /unknown option/],
    [`"$PM" --verbose -n 2 -c 'print("said")'`, /said.*said/s],
    [`PYTHON_MPI_CHROOT=${directory} "$PM" -n 2 --packages ${hello} -c 'import hello'`, /^/],
    [`"$PM-bcast" ${hello} ${directory}/copy`, /1 node/],
    ['"$PM-bcast" --help', /PYTHON_MPI_VERBOSE work as for\s+python-mpi/],
    ['"$PM-bundle" --list /dev/null', /\/dev\/null/],
  ] as const) {
    const shell = `${program}; grep flags: /proc/self/fdinfo/1 /proc/self/fdinfo/2 /proc/self/fdinfo/0`;
    const child = spawn('/bin/sh', ['-c', shell], {
      env: { PATH: '/usr/bin:/bin', PM: PYTHON_MPI },
    });
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const flags = [...out.matchAll(/flags:\s+(\d+)\n/g)].map(match =>
      Number.parseInt(match[1]!, 8),
    );
    assert.is(flags.length, 3, out);
    for (const set of flags) assert.is(set & constants.O_NONBLOCK, 0, program);
    assert.match(out + err, said);
  }
});

end.run();
ways.run();
