import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../../src/deadline.ts';
import { STATUS } from '../../../src/errors.ts';
import type { Channel } from '../../../src/pmi/channel.ts';
import { Pmi1Client } from '../../../src/pmi/pmi1/client.ts';
import { type Abort, Pmi1Server, type Reaction } from '../../../src/pmi/pmi1/server.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');
const soon = () => Deadline.after(60_000);

/** What the server makes of a rank's text, as lines prefixed by the rank they go to. */
function tell(server: Pmi1Server, rank: number, text: string): string[] {
  return lines(server.feed(rank, bytes(text)));
}

function lines({ replies }: Reaction): string[] {
  return replies.map(({ rank, line }) => `${rank} ${line.trimEnd()}`);
}

/** Clients of one server, without anything between them. */
function clients(
  server: Pmi1Server,
  size: number,
): { pmi1: Pmi1Client; aborted: () => Abort | undefined }[] {
  const inboxes = Array.from({ length: size }, () => ({
    chunks: [] as Uint8Array[],
    wake: () => {},
  }));
  let abort: Abort | undefined;
  return inboxes.map((inbox, rank) => {
    const channel: Channel = {
      async write(request) {
        const answer = server.feed(rank, request);
        abort ??= answer.abort;
        for (const reply of answer.replies) {
          const to = inboxes[reply.rank]!;
          to.chunks.push(bytes(reply.line));
          to.wake();
        }
      },
      async read() {
        while (inbox.chunks.length === 0)
          await new Promise<void>(resolve => (inbox.wake = resolve));
        return inbox.chunks.shift();
      },
      unref() {},
      close() {},
    };
    return { pmi1: new Pmi1Client(channel), aborted: () => abort };
  });
}

const server = suite('pmi1 server');

server('answers as Hydra does', () => {
  const hydra = new Pmi1Server(2, '(vector,(0,1,2))');
  const dialogue: [request: string, reply: string][] = [
    [
      'cmd=init pmi_version=1 pmi_subversion=1',
      'cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0',
    ],
    ['cmd=get_maxes', 'cmd=maxes kvsname_max=256 keylen_max=64 vallen_max=1024'],
    ['cmd=get_appnum', 'cmd=appnum appnum=0'],
    ['cmd=get_my_kvsname', 'cmd=my_kvsname kvsname=python-mpi'],
    [
      'cmd=get kvsname=python-mpi key=PMI_process_mapping',
      'cmd=get_result rc=0 msg=success value=(vector,(0,1,2))',
    ],
    ['cmd=get_universe_size', 'cmd=universe_size size=2'],
    ['cmd=put kvsname=python-mpi key=k value=v', 'cmd=put_result rc=0 msg=success'],
    ['cmd=get kvsname=python-mpi key=k', 'cmd=get_result rc=0 msg=success value=v'],
    ['cmd=get kvsname=python-mpi key=nope', 'cmd=get_result rc=-1 msg=key_not_found value=unknown'],
    ['cmd=finalize', 'cmd=finalize_ack'],
    // Python's session, after ours on the same connection.
    [
      'cmd=init pmi_version=1 pmi_subversion=1',
      'cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0',
    ],
  ];
  for (const [request, reply] of dialogue)
    assert.equal(tell(hydra, 1, `${request}\n`), [`1 ${reply}`]);
});

server('answers the same at every split', () => {
  const text =
    'cmd=init pmi_version=1 pmi_subversion=1\ncmd=put kvsname=k key=a value=b\ncmd=barrier_in\n';
  const whole = tell(new Pmi1Server(1, ''), 0, text);
  assert.is(whole.length, 3);
  for (let at = 0; at <= text.length; at++) {
    const cut = new Pmi1Server(1, '');
    assert.equal([...tell(cut, 0, text.slice(0, at)), ...tell(cut, 0, text.slice(at))], whole);
  }
});

server('only PMI-1 is spoken here', () => {
  assert.match(
    tell(new Pmi1Server(1, ''), 0, 'cmd=init pmi_version=2 pmi_subversion=0\n')[0]!,
    /rc=-1$/,
  );
});

server('a barrier opens for all when the last rank arrives, each time', () => {
  const three = new Pmi1Server(3, '');
  for (let round = 0; round < 2; round++) {
    assert.equal(tell(three, 2, 'cmd=barrier_in\n'), []);
    assert.equal(tell(three, 0, 'cmd=barrier_in\n'), []);
    assert.equal(tell(three, 1, 'cmd=barrier_in\n').sort(), [
      '0 cmd=barrier_out',
      '1 cmd=barrier_out',
      '2 cmd=barrier_out',
    ]);
  }
});

server('spawn and published names are refused, and the session goes on', () => {
  const one = new Pmi1Server(1, '');
  const spawn = 'mcmd=spawn\nnprocs=1\nexecname=a b\nhello\ntotspawns=1\nendcmd\n';
  assert.match(tell(one, 0, spawn)[0]!, /^0 cmd=spawn_result rc=-1/);
  assert.match(
    tell(one, 0, 'cmd=publish_name service=s port=p\n')[0]!,
    /^0 cmd=publish_result rc=-1/,
  );
  assert.match(tell(one, 0, 'cmd=lookup_name service=s\n')[0]!, /^0 cmd=lookup_result rc=-1/);
  assert.match(tell(one, 0, 'cmd=unpublish_name service=s\n')[0]!, /^0 cmd=unpublish_result rc=-1/);
  assert.equal(tell(one, 0, 'cmd=finalize\n'), ['0 cmd=finalize_ack']);
});

server('an abort is passed on with its status, and nothing is answered after it', () => {
  const two = new Pmi1Server(2, '');
  const { abort, replies } = two.feed(1, bytes('cmd=abort exitcode=7\ncmd=get_maxes\n'));
  assert.equal(abort, { rank: 1, status: 7, reason: undefined });
  assert.equal(replies, []);
  assert.equal(two.feed(0, bytes('cmd=abort exitcode=8\n')), { replies: [], abort: undefined });
});

server('an abort is never success', () => {
  const status = (text: string) =>
    new Pmi1Server(1, '').feed(0, bytes(`cmd=abort${text}\n`)).abort?.status;
  assert.equal(
    [' exitcode=0', ' exitcode=256', '', ' exitcode=x', ' exitcode=-1'].map(status),
    [1, 1, 1, 1, 255],
  );
});

server('garbage ends the job once, with a reason', () => {
  const garbage = [
    '\xff\xfe\n',
    'hello\n',
    '\n',
    'cmd=constructor\n',
    'cmd=__proto__\n',
    'cmd=put kvsname=k key=k\n',
    'cmd=get kvsname=k\n',
    'x'.repeat(5000),
  ];
  for (const text of garbage) {
    const two = new Pmi1Server(2, '');
    const { abort } = two.feed(1, bytes(`cmd=get_maxes\n${text}`));
    assert.is(abort?.rank, 1, text);
    assert.is(abort?.status, STATUS.PROTOCOL);
    assert.match(abort!.reason!, /^rank 1 broke the PMI protocol: /);
    assert.equal(two.feed(1, bytes(text)), { replies: [], abort: undefined });
  }
});

server('a rank that ends before a barrier strands those who wait in it', () => {
  const after = new Pmi1Server(2, '');
  after.feed(0, bytes('cmd=barrier_in\n'));
  assert.equal(after.closed(1).abort, {
    rank: 1,
    status: STATUS.PEER_LOST,
    reason: 'rank 0 waits in a barrier for rank 1, which has ended',
  });
  const before = new Pmi1Server(2, '');
  assert.is(before.closed(1).abort, undefined);
  assert.is(before.feed(0, bytes('cmd=barrier_in\n')).abort?.status, STATUS.PEER_LOST);
});

server('a rank may end whenever nobody waits for it', () => {
  const two = new Pmi1Server(2, '');
  two.feed(0, bytes('cmd=barrier_in\n'));
  two.feed(1, bytes('cmd=barrier_in\n'));
  assert.is(two.closed(1).abort, undefined);
  assert.equal(tell(two, 0, 'cmd=finalize\n'), ['0 cmd=finalize_ack']);
  assert.is(two.closed(0).abort, undefined);
});

server('every client reads what every other has put', async () => {
  const SIZE = 5;
  const ranks = clients(new Pmi1Server(SIZE, ''), SIZE);
  await Promise.all(
    ranks.map(async ({ pmi1 }, rank) => {
      await pmi1.init(soon());
      for (let round = 0; round < 3; round++) {
        await pmi1.put(`${rank}-${round}`, `value-${rank}`, soon());
        await pmi1.fence(soon());
        for (let peer = 0; peer < SIZE; peer++)
          assert.is(await pmi1.get(`${peer}-${round}`, soon()), `value-${peer}`);
      }
      await pmi1.finalize(soon());
    }),
  );
});

server('a client can abort while another one waits', async () => {
  const [first, second] = clients(new Pmi1Server(2, ''), 2);
  const waiting = first!.pmi1.fence(Deadline.after(20)).catch(error => error.code);
  await second!.pmi1.abort(9);
  assert.equal(first!.aborted(), { rank: 1, status: 9, reason: undefined });
  assert.is(await waiting, 'TIMEOUT');
});

server.run();
